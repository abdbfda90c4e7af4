"""A training that is killed once its version is registered is finished by the next one, and only then counts as done."""

import numpy as np
import pytest

from jobs import model_training
from jobs.model_training import Examples, fit_and_register
from models.errors import DataContractError, ModelContractError
from models.protocol import ModelSpec
from models.registry import CHAMPION
from models.splits import TimeSplit


class Killed(BaseException):
    pass


@pytest.fixture
def train(registry, request):
    """Train a ridge of this penalty under the test's own name; the same penalty is the same training."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(90, 2))
    labels = inputs @ [1.0, 2.0] + random.normal(size=90) * 0.01
    rows = np.arange(90)
    examples = Examples(("a", "b"), inputs, labels, TimeSplit(rows[:50], rows[50:70], rows[70:]))

    def fit(alpha):
        spec = ModelSpec(request.node.name, "ridge", "y", "regression", {"alpha": alpha}, 1, 0, horizon_seconds=300)
        return fit_and_register(registry, spec, examples, f"alpha {alpha}", {}, print, "warn")

    return fit


@pytest.fixture
def killed_training(registry, train, monkeypatch):
    """Train, but die before the champion is named."""

    def kill(*arguments):
        raise Killed

    def run(alpha):
        with monkeypatch.context() as patch:
            patch.setattr(registry, "set_alias", kill)
            with pytest.raises(Killed):
                train(alpha)

    return run


def test_a_killed_training_is_finished_by_the_next(registry, train, killed_training):
    killed_training(1.0)
    healed = train(1.0)
    assert (healed.version.version, healed.is_new, healed.is_champion) == (1, True, True)
    assert CHAMPION in healed.version.aliases
    registry.settle(healed.version.name, 1)
    again = train(1.0)
    assert (again.version.version, again.is_new, again.is_champion) == (1, False, True)


def test_a_better_version_of_a_killed_training_leads_as_it_would_have(registry, train, killed_training):
    worse = train(1_000.0)
    registry.settle(worse.version.name, 1)
    killed_training(0.01)
    assert train(0.01).is_champion


def test_a_worse_version_of_a_killed_training_does_not_lead(registry, train):
    better = train(0.01)
    registry.settle(better.version.name, 1)
    train(1_000.0)  # not settled: as if it had been killed at its end
    healed = train(1_000.0)
    assert (healed.version.version, healed.is_new, healed.is_champion) == (2, True, False)
    assert registry.resolve(better.version.name).version == 1


def test_a_champion_that_was_put_back_by_hand_stays(registry, train):
    for alpha in (1_000.0, 0.01):
        done = train(alpha)
        registry.settle(done.version.name, done.version.version)
    registry.set_alias(done.version.name, CHAMPION, 1)
    again = train(0.01)
    assert (again.is_new, again.is_champion) == (False, False)
    assert registry.resolve(done.version.name).version == 1


@pytest.fixture
def train_quantile(registry, request):
    """Train boosted trees for a quantile, or the mean where it is None, under the test's own name."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(900, 2))
    labels = inputs[:, 0] + random.exponential(size=900)
    rows = np.arange(900)
    examples = Examples(("a", "b"), inputs, labels, TimeSplit(rows[:500], rows[500:700], rows[700:]))

    def fit(quantile, **options):
        of_quantile = {} if quantile is None else {"loss": "quantile", "quantile": quantile}
        spec = ModelSpec(request.node.name, "gradient_boosting", "y", options={**of_quantile, **options})
        return fit_and_register(registry, spec, examples, f"{quantile}{options}", {}, print, "warn")

    return fit


def test_a_quantile_leads_by_its_own_loss_and_not_by_the_squared_error(train_quantile):
    worse = train_quantile(0.9, max_iter=1)  # nearly the same for all rows
    better = train_quantile(0.9)
    assert better.is_champion
    told, before = better.version.metrics["validation"], worse.version.metrics["validation"]
    assert told["pinball_loss"] < before["pinball_loss"]
    assert not train_quantile(0.9, max_iter=2).is_champion


def test_a_name_stands_for_one_quantile(train_quantile):
    train_quantile(0.9)
    with pytest.raises(
        ModelContractError, match=r"predicts quantile 0.9 of y DOUBLE \(regression\); for quantile 0.1 of"
    ):
        train_quantile(0.1)
    with pytest.raises(ModelContractError, match=r"for y DOUBLE \(regression\) choose another name"):
        train_quantile(None)


def test_the_leakage_report_is_kept_with_the_metrics_or_refuses(registry, request):
    random = np.random.default_rng(0)
    label, noise = random.normal(size=(2, 400))
    rows, name, said = np.arange(400), request.node.name, []
    examples = Examples(
        ("told", "noise"), np.column_stack([label**3, noise]), label, TimeSplit(rows[:200], rows[200:300], rows[300:])
    )
    spec = ModelSpec(name, "ridge", "y", horizon_seconds=60)
    with pytest.raises(DataContractError, match=f"{name} is not trained: told alone tells 9"):
        fit_and_register(registry, spec, examples, "k", {}, said.append, "fail")
    assert name not in registry.list_models()
    told = fit_and_register(registry, spec, examples, "k", {}, said.append, "warn").version.metrics["leakage"]
    assert told["told"] > 0.95
    assert told["noise"] == 0.0
    assert any(text.startswith("leakage? told alone tells 9") for text in said)
    off = fit_and_register(registry, spec, examples, "other", {}, said.append, "off")
    assert "leakage" not in off.version.metrics


@pytest.mark.parametrize("horizon_seconds", [None, 60])
def test_without_a_validation_part_a_quarter_of_the_training_part_tells_of_leaks(registry, horizon_seconds):
    label = np.sort(np.random.default_rng(0).normal(size=400))  # as rows without a time are ordered by their content
    order = np.arange(400) if horizon_seconds is None else np.random.default_rng(1).permutation(400)
    nothing = np.empty(0, dtype=np.int64)
    examples = Examples(("told",), label[order, None], label[order], TimeSplit(np.arange(400), nothing, nothing))
    name = f"quarter_{horizon_seconds}"
    spec = ModelSpec(name, "ridge", "y", horizon_seconds=horizon_seconds)
    version = fit_and_register(registry, spec, examples, "k", {}, print, "warn").version
    assert version.metrics["leakage"]["told"] > 0.99


def test_many_training_rows_are_measured_by_a_sample_and_the_other_parts_whole(monkeypatch):
    monkeypatch.setattr(model_training, "_MOST_MEASURED", 5)
    rows = np.arange(20)
    examples = Examples(("a",), rows[:, None].astype(float), rows * 10.0, TimeSplit(rows[:9], rows[9:15], rows[15:]))
    for part, expected in (("validation", rows[9:15]), ("test", rows[15:])):
        inputs, labels = examples.to_measure(part)
        assert inputs[:, 0].tolist() == expected.tolist()
        assert labels.tolist() == (expected * 10).tolist()
    inputs, labels = examples.to_measure("train")
    assert labels.tolist() == (inputs[:, 0] * 10).tolist()
    assert len(set(labels)) == 5
    assert set(inputs[:, 0]) < set(rows[:9])
    assert labels.tolist() == examples.to_measure("train")[1].tolist()  # the same ones each time
