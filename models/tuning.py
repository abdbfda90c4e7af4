"""Search for better options: Optuna's trials, kept in a file, scored on a part that the fits do not see.

The first trial is the family's own defaults, so that the search never ends with worse ones. Trials are kept by the key
of the training: a search that was cut off goes on where it was, and the same search again finds them all done.

A network in training tells its validation loss after each epoch; it is given up where that is above the median of the
finished trials at the same epoch (Golovin et al., "Google Vizier", KDD 2017, section 3.4.1).
"""

import dataclasses
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import UsageError
from models.families import options_of
from models.protocol import ModelSpec, Watch
from models.search_space import SEARCH_SPACES, search_space, suggest_options

if TYPE_CHECKING:
    from optuna import Study, Trial

_MODEL, _OPTIONS = "model", "options"
_TRIALS_BEFORE_PRUNING, _EPOCHS_BEFORE_PRUNING = 5, 2
ErrorsOf = Callable[[Sequence[ModelSpec], Sequence[Watch]], Sequence[float]]


@dataclass(frozen=True)
class TrialResult:
    """One trial of a search.

    Attributes:
        study: Key of the training that it belongs to.
        model: Name of the model.
        trial: Number from 0; 0 are the defaults.
        options: What was tried.
        error: Mean squared error, of a classifier log loss, on the part that the fit did not see; None if it failed
            or was given up.
        state: complete, pruned (given up), fail or running.
        seconds: How long the fit took; None while it runs.
    """

    study: str
    model: str
    trial: int
    options: dict[str, Any]
    error: float | None
    state: str
    seconds: float | None


def tune(
    spec: ModelSpec,
    n_trials: int,
    errors_of: ErrorsOf,
    storage: Path,
    study_key: str,
    say: Callable[[str], None],
    n_at_once: int = 1,
) -> ModelSpec:
    """Return ``spec`` with the best options of ``n_trials`` trials; options that ``spec`` names stay as they are.

    Args:
        spec: What to fit; its options are fixed.
        n_trials: How many, the defaults among them; those that the storage holds already count.
        errors_of: Fits specs and returns the error of each on rows that the fit did not see; smaller is better. It may
            tell the watch of each spec how the training goes, where specs are fitted one at a time.
        storage: SQLite file of the trials, made where it is not there.
        study_key: Recognises the search: the same key means the same data, settings and space.
        say: Told of each trial.
        n_at_once: Trials that are asked for together, so that they can be fitted side by side: they do not know of each
            other's errors, so another number is another search.

    Raises:
        UsageError: The family has nothing left to search.
    """
    if spec.family not in SEARCH_SPACES:
        raise UsageError(f"Tuning has no range for the options of {spec.family}: give them, and leave trials out.")
    if not search_space(spec):
        raise UsageError(
            f"Tuning has no option of {spec.family} left to search: leave one of those given out, or leave trials out."
        )
    study = _study(storage, study_key, spec)
    if not any(trial.state.name in ("COMPLETE", "WAITING") for trial in study.trials):
        study.enqueue_trial(_defaults(spec))
    while (n_left := n_trials - sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in study.trials)) > 0:
        for number, error in _some_trials(study, spec, min(n_left, n_at_once), errors_of):
            found = "given up, worse than most before it" if error is None else f"error {error:.6g}"
            best = study.best_trial
            told = f"{found}, best {best.value:.6g} (trial {best.number})"
            say(f"trial {number} of {n_trials} (0 are the defaults): {told}")
    options: dict[str, Any] = json.loads(study.best_trial.user_attrs[_OPTIONS])
    return dataclasses.replace(spec, options=options)


def _some_trials(study: "Study", spec: ModelSpec, n: int, errors_of: ErrorsOf) -> Iterator[tuple[int, float | None]]:
    """Run so many trials side by side; yields number and error of each once it is stored, no error if given up."""
    from optuna.exceptions import TrialPruned
    from optuna.trial import TrialState

    trials = [study.ask() for _ in range(n)]
    candidates = []
    try:
        for trial in trials:
            options = suggest_options(spec, trial)
            trial.set_user_attr(_OPTIONS, json.dumps(options))
            candidates.append(dataclasses.replace(spec, options=options))
        errors = errors_of(candidates, [_watch(trial) for trial in trials])
    except TrialPruned:
        (trial,) = trials  # side by side none is given up
        study.tell(trial, state=TrialState.PRUNED)
        yield trial.number, None
        return
    except BaseException:
        for trial in trials:
            study.tell(trial, state=TrialState.FAIL)
        raise
    for trial, error in zip(trials, errors, strict=True):
        study.tell(trial, error)
        yield trial.number, error


def _watch(trial: "Trial") -> Watch:
    def watch(epoch: int, loss: float) -> None:
        from optuna.exceptions import TrialPruned

        trial.report(loss, epoch)
        if trial.should_prune():
            raise TrialPruned

    return watch


def read_trials(storage: Path) -> list[TrialResult]:
    """Return every trial of a storage file; none where there is no file."""
    if not storage.exists():
        return []
    import optuna

    names = optuna.get_all_study_names(_url(storage))
    return [trial for name in names for trial in _trials_of(storage, name)]


def _trials_of(storage: Path, study_key: str) -> list[TrialResult]:
    import optuna

    study = optuna.load_study(study_name=study_key, storage=_url(storage))
    return [
        TrialResult(
            study=study_key,
            model=study.user_attrs[_MODEL],
            trial=trial.number,
            options=json.loads(trial.user_attrs.get(_OPTIONS, "{}")),
            error=trial.value if trial.state.name == "COMPLETE" else None,
            state=trial.state.name.lower(),
            seconds=None if trial.duration is None else trial.duration.total_seconds(),
        )
        for trial in study.trials
    ]


def search_metrics(storage: Path, study_key: str) -> dict[str, float]:
    """Return how many settings a search has tried and given up, and the error of the defaults and of the best.

    The errors are those of the rows that trials are scored by: the best of many, so it promises more than it will keep.
    """
    trials = _trials_of(storage, study_key)
    errors = {trial.trial: trial.error for trial in trials if trial.error is not None}
    n_given_up = sum(trial.state == "pruned" for trial in trials)
    counts = {"n_trials": float(len(errors) + n_given_up), "n_given_up": float(n_given_up)}
    defaults = {"default_error": errors[0]} if 0 in errors else {}
    return {**counts, **defaults, "best_error": min(errors.values())}


def _study(storage: Path, key: str, spec: ModelSpec) -> "Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=_url(storage),
        study_name=key,
        sampler=optuna.samplers.TPESampler(seed=spec.seed, n_startup_trials=5, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(_TRIALS_BEFORE_PRUNING, _EPOCHS_BEFORE_PRUNING),
        load_if_exists=True,
    )
    study.set_user_attr(_MODEL, spec.name)
    return study


def _url(storage: Path) -> str:
    return f"sqlite:///{storage.as_posix()}"


def _defaults(spec: ModelSpec) -> dict[str, Any]:
    """The family's own defaults of what is searched, brought into the range where they lie outside of it."""
    defaults = options_of(spec)
    space = search_space(spec)
    inside = {}
    for name, range_ in space.items():
        value = defaults[name]
        if isinstance(value, int | float) and not isinstance(value, bool):
            inside[name] = type(range_.low)(min(max(value, range_.low), range_.high))
    return inside
