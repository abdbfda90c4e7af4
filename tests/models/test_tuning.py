"""The search for better options, on an error that is a formula of them."""

import dataclasses
import math
import statistics

import pytest

from models.errors import UsageError
from models.protocol import ModelSpec
from models.search_space import SEARCH_SPACES
from models.tuning import read_trials, search_metrics, tune

RIDGE = ModelSpec("m", "ridge", "y")


def bowl(spec):
    """Smallest at alpha = 10."""
    return (math.log10(spec.options["alpha"]) - 1) ** 2


def each(error_of):
    """As ``tune`` asks: for several at once."""
    return lambda specs, watches: [error_of(spec) for spec in specs]


@pytest.fixture
def storage(tmp_path):
    return tmp_path / "registry" / "trials.db"


def test_the_best_trial_wins_and_the_first_are_the_defaults(storage):
    said = []
    tuned = tune(RIDGE, 15, each(bowl), storage, "key", said.append)
    trials = read_trials(storage)
    assert len(trials) == len(said) == 15
    assert trials[0].options == {"alpha": 100.0}
    assert trials[0].error == pytest.approx(1.0)
    assert bowl(tuned) == min(trial.error for trial in trials) < trials[0].error
    assert {(trial.model, trial.study, trial.state) for trial in trials} == {("m", "key", "complete")}


def test_a_search_that_was_cut_off_goes_on_where_it_was(storage):
    def fails_at_the_fourth(spec, calls=[]):  # noqa: B006
        calls.append(spec)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return bowl(spec)

    with pytest.raises(KeyboardInterrupt):
        tune(RIDGE, 6, each(fails_at_the_fourth), storage, "key", print)
    asked = []

    def counted(spec):
        asked.append(spec)
        return bowl(spec)

    first = tune(RIDGE, 6, each(counted), storage, "key", print)
    assert len(asked) == 3
    assert tune(RIDGE, 6, each(counted), storage, "key", print) == first
    assert len(asked) == 3


def test_a_trial_that_does_worse_than_most_is_given_up_and_counts(storage):
    """Each of three epochs tells the error of the options; the first five trials are none too few to compare with."""
    told, said = [], []

    def errors_of(specs, watches):
        ((spec, watch),) = zip(specs, watches, strict=True)
        for epoch in range(3):
            told.append((spec, epoch))
            watch(epoch, bowl(spec))
        return [bowl(spec)]

    tuned = tune(RIDGE, 20, errors_of, storage, "key", said.append)
    trials = read_trials(storage)
    states = [trial.state for trial in trials]
    assert len(trials) == len(said) == 20
    assert states[:5] == ["complete"] * 5
    assert {"complete", "pruned"} == set(states)
    errors = [bowl(dataclasses.replace(RIDGE, options=trial.options)) for trial in trials]
    for number, trial in enumerate(trials):
        finished = [errors[before] for before in range(number) if states[before] == "complete"]
        is_worse = number >= 5 and errors[number] > statistics.median(finished)
        assert trial.state == ("pruned" if is_worse else "complete")
        assert trial.error == (None if is_worse else pytest.approx(errors[number]))
        assert (
            f"given up, worse than most before it, best {min(errors[: number + 1]):.6g}" in said[number]
        ) == is_worse
    assert bowl(tuned) == min(errors)
    assert search_metrics(storage, "key") == {
        "n_trials": 20,
        "n_given_up": states.count("pruned"),
        "default_error": pytest.approx(1.0),
        "best_error": pytest.approx(min(errors)),
    }
    assert len(told) == 20 * 3
    assert tune(RIDGE, 20, errors_of, storage, "key", said.append) == tuned
    assert len(said) == 20


def test_trials_asked_for_together_do_not_know_of_each_other_and_are_the_same_again(storage, tmp_path):
    asked = []

    def together(specs, watches):
        asked.append([spec.options["alpha"] for spec in specs])
        return [bowl(spec) for spec in specs]

    first = tune(RIDGE, 10, together, storage, "key", print, n_at_once=4)
    assert [len(some) for some in asked] == [4, 4, 2]
    assert len({alpha for some in asked for alpha in some}) == 10
    assert asked[0][0] == 100.0
    before, asked = asked, []
    assert tune(RIDGE, 10, together, tmp_path / "other.db", "key", print, n_at_once=4) == first
    assert asked == before


def test_the_first_trial_of_a_users_network_has_the_defaults_of_its_text(storage):
    text = "OPTIONS = {'dropout': 0.4}\ndef layers(keras, inputs, options): ..."
    spec = ModelSpec("m", "keras", "y", options={"network": "mine", "learning_rate": 0.01}, network=text)
    tune(spec, 1, each(lambda one: one.options["dropout"]), storage, "key", print)
    assert [trial.options["dropout"] for trial in read_trials(storage)] == [0.4]


def test_a_search_that_failed_at_once_tries_the_defaults_again(storage):
    def fails(specs, watches):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tune(RIDGE, 3, fails, storage, "key", print, n_at_once=2)
    tuned = tune(RIDGE, 3, each(lambda spec: abs(spec.options["alpha"] - 100)), storage, "key", print)
    assert tuned.options == {"alpha": 100.0}
    states = [trial.state for trial in read_trials(storage)]
    assert sorted(states) == ["complete"] * 3 + ["fail"] * 2


def test_options_that_are_given_stay_and_the_others_are_searched(storage):
    spec = ModelSpec("m", "decision_tree", "y", options={"max_depth": 3})
    tuned = tune(spec, 5, each(lambda one: one.options["min_samples_leaf"]), storage, "key", print)
    assert tuned.options["max_depth"] == 3
    assert all(10 <= trial.options["min_samples_leaf"] <= 500 for trial in read_trials(storage))


def test_nothing_left_to_search_is_refused(storage):
    with pytest.raises(UsageError, match="Tuning has no option of ridge left to search"):
        tune(ModelSpec("m", "ridge", "y", options={"alpha": 1.0}), 3, each(bowl), storage, "key", print)


def test_a_class_of_scikit_learn_is_not_searched(storage):
    with pytest.raises(
        UsageError, match=r"Tuning has no range for the options of sklearn\.svm\.SVR: give them, and leave"
    ):
        tune(ModelSpec("m", "sklearn.svm.SVR", "y"), 3, each(bowl), storage, "key", print)


def test_no_file_holds_no_trials(storage):
    assert read_trials(storage) == []


def test_every_searched_option_is_one_of_its_family():
    from models.families import FAMILIES, family_options

    assert set(SEARCH_SPACES) == set(FAMILIES)
    for family, space in SEARCH_SPACES.items():
        for task in FAMILIES[family].tasks:
            assert set(space) <= set(family_options(family, task))
