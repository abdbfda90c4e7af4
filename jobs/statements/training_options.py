"""What may stand in OPTIONS (…) of CREATE MODEL: our own options, and those of the estimator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from jobs.statements.grammar import CreateModel
from models.errors import UsageError
from models.families import family_name, family_options, find_family
from models.folds import FOLD_SCHEMES, FoldScheme
from models.leakage import LeakagePolicy
from models.names import near_first
from models.network_source import FAMILY as OWN_NETWORK
from models.protocol import GROUP_MIN_ROWS, NullPolicy, Task

OUR_OPTIONS = {
    "label": "the column to predict",
    "time": "the column that orders the rows: later rows validate and test",
    "split": "share of the rows for each of validation and test, 0 trains on all (default 0.2); or walk_forward or "
    "purged_k_fold: 0.2, and the rows before test are measured in folds too",
    "folds": "how many folds split = 'walk_forward' or 'purged_k_fold' makes (default 5)",
    "task": "regression or classification, where the label's type leaves it open",
    "horizon_seconds": "how far the label looks ahead of time; rows whose label reaches over a border are left out",
    "sequence_length": "rows in one input of a sequence model",
    "null_policy": "null, impute or fail: what a missing feature does when scoring",
    "seed": "makes the fit repeatable",
    "leakage": "fail, warn or off: what a feature does that tells the label nearly by itself (default warn)",
    "group": "the column whose values each get a model of their own; one of all rows answers for the others",
    "group_min_rows": f"training rows that a group needs for a model of its own (default {GROUP_MIN_ROWS})",
    "trials": "how many settings to try before the best is trained; options that are given stay as they are",
}
_SPLIT, _MOST_SPLIT = 0.2, 0.4
_FOLDS = 5


@dataclass(frozen=True)
class TrainingOptions:
    """The options of a statement that are Foretable's own; what was left out has its default."""

    label: str
    time: str | None
    split: float
    fold_scheme: FoldScheme | None
    n_folds: int
    horizon_seconds: int | None
    sequence_length: int
    null_policy: NullPolicy
    leakage: LeakagePolicy
    seed: int
    n_trials: int
    group: str | None
    group_min_rows: int

    @property
    def horizon_us(self) -> int:
        """How far the label looks ahead, in the unit of the rows' times; also the embargo after each border."""
        return (self.horizon_seconds or 0) * 1_000_000

    @property
    def describes_cut(self) -> str:
        """What of it shapes the parts, for the key of a training."""
        folds = f" {self.n_folds} {self.fold_scheme}" if self.fold_scheme else ""
        return f"{self.time} {self.split}" + (f" {self.n_trials} trials" if self.n_trials else "") + folds


def read_options(statement: CreateModel) -> tuple[TrainingOptions, dict[str, Any]]:
    """Our own options, and those of the estimator.

    Raises:
        UsageError: an option is unknown, or one of ours is missing or has a wrong value.
    """
    given = dict(statement.options)
    family = family_name(statement.family)
    estimator = {name: value for name, value in given.items() if name not in OUR_OPTIONS}
    of_family = {name for task in find_family(family).tasks for name in family_options(family, task)}
    by_name = {name.lower(): name for name in of_family}
    for name in estimator:
        if name not in by_name and family != OWN_NETWORK:  # its file names options of its own
            known = near_first(name, [*OUR_OPTIONS, *of_family])
            raise UsageError(f"{family} has no option {name!r}; its options are {', '.join(known)}.")
    if not isinstance(given.get("label"), str):
        raise UsageError("say what to predict: OPTIONS (label = 'column')")
    split, scheme, n_folds = _read_split(given)
    time = None if given.get("time") is None else str(given["time"])
    own = TrainingOptions(
        label=given["label"],
        time=time,
        split=split,
        fold_scheme=scheme,
        n_folds=n_folds,
        horizon_seconds=_whole_number(given, "horizon_seconds", 0) or None,
        sequence_length=_whole_number(given, "sequence_length", 1),
        null_policy=_one_of(given, "null_policy", get_args(NullPolicy)),
        leakage=_one_of(given, "leakage", get_args(LeakagePolicy)),
        seed=_whole_number(given, "seed", 0),
        n_trials=_whole_number(given, "trials", 0),
        group=None if given.get("group") is None else str(given["group"]),
        group_min_rows=_whole_number(given, "group_min_rows", GROUP_MIN_ROWS),
    )
    if own.group is None and "group_min_rows" in given:
        raise UsageError("group_min_rows needs group = 'column'")
    _check_together(own)
    return own, {by_name.get(name, name): value for name, value in estimator.items()}


def _check_together(own: TrainingOptions) -> None:
    if own.horizon_seconds and own.time is None:
        raise UsageError("horizon_seconds needs time = 'column', from which the label looks ahead")
    if own.fold_scheme and own.time is None:
        raise UsageError(f"split = '{own.fold_scheme}' needs time = 'column', which orders the rows")
    if own.fold_scheme and own.null_policy == "impute":
        raise UsageError(
            f"split = '{own.fold_scheme}' takes no null_policy = 'impute': medians of all training rows would tell the "
            "earlier folds about later ones; fill the features in the query"
        )


def _read_split(given: Mapping[str, Any]) -> tuple[float, FoldScheme | None, int]:
    """Share of validation and of test, and how the rows before test are cut into how many folds."""
    split, n_folds = given.get("split", _SPLIT), _whole_number(given, "folds", _FOLDS)
    scheme = next((known for known in FOLD_SCHEMES if known == split), None)
    if scheme:
        return _SPLIT, scheme, n_folds
    if "folds" in given:
        raise UsageError(f"folds needs split = {' or '.join(repr(known) for known in FOLD_SCHEMES)}")
    if isinstance(split, bool) or not isinstance(split, int | float) or not 0 <= split <= _MOST_SPLIT:
        raise UsageError(
            f"split is the share of rows for each of validation and test, 0 to {_MOST_SPLIT}, or "
            f"{' or '.join(repr(known) for known in FOLD_SCHEMES)}, got {split!r}"
        )
    return float(split), None, 0


def choose_task(statement: CreateModel, type_: str) -> Task:
    """Regression or classification: as asked for, as the label's type says, or as the family alone can do.

    Raises:
        UsageError: an integer label, and the family can do both.
    """
    given = statement.options.get("task")
    if given is not None:
        if given not in ("regression", "classification"):
            raise UsageError(f"task is regression or classification, got {given!r}")
        if given == "regression" and type_ in ("string", "boolean"):
            raise UsageError(f"a label of type {type_.upper()} is a class: leave task out, or cast the label to DOUBLE")
        return "regression" if given == "regression" else "classification"
    if type_ in ("string", "boolean"):
        return "classification"
    tasks = find_family(statement.family).tasks
    if type_ == "double" or len(tasks) == 1:
        return tasks[0] if len(tasks) == 1 else "regression"
    raise UsageError(
        "the label is an integer, which may be a class or a number: say task = 'classification' or task = 'regression'"
    )


def _whole_number(options: Mapping[str, Any], name: str, default: int) -> int:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise UsageError(f"{name} is a whole number, got {value!r}")
    return value


def _one_of(options: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> Any:
    """The value of an option that takes words; the first is the default."""
    value = options.get(name, allowed[0])
    if value not in allowed:
        raise UsageError(f"{name} is {', '.join(allowed[:-1])} or {allowed[-1]}, got {value!r}")
    return value
