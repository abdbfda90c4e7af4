"""Where tuning looks: for each family the options that matter and their range."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from models.protocol import ModelSpec

Option = float | int | str


class Suggest(Protocol):
    """What chooses a value: a trial of Optuna."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number within the range."""

    def suggest_int(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """A whole number within the range."""


@dataclass(frozen=True)
class Range:
    """The values of one option; ``log`` tells that ratios matter, not differences."""

    low: float
    high: float
    log: bool = False

    def suggest(self, trial: Suggest, name: str) -> float:
        """Let a trial choose; whole numbers where both ends are whole."""
        if isinstance(self.low, int) and isinstance(self.high, int):
            return trial.suggest_int(name, self.low, self.high, log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


_TREE = {"max_depth": Range(2, 10), "min_samples_leaf": Range(10, 500, log=True)}
_NETWORK = {
    "units": Range(8, 64, log=True),
    "dropout": Range(0.0, 0.5),
    "learning_rate": Range(1e-4, 1e-2, log=True),
}
SEARCH_SPACES: Mapping[str, Mapping[str, Range]] = {
    "ridge": {"alpha": Range(1e-2, 1e5, log=True)},
    "linear": {},
    "lasso": {"alpha": Range(1e-4, 0.3, log=True)},
    "logistic": {"C": Range(1e-5, 1e2, log=True)},
    "decision_tree": _TREE,
    "random_forest": {**_TREE, "max_features": Range(0.2, 1.0)},
    "gradient_boosting": {
        "learning_rate": Range(0.01, 0.3, log=True),
        "max_iter": Range(50, 400, log=True),
        "max_depth": Range(2, 6),
        "min_samples_leaf": Range(20, 500, log=True),
        "l2_regularization": Range(0.1, 100.0, log=True),
    },
    "mlp": {
        "hidden_layer_sizes": Range(8, 64, log=True),
        "alpha": Range(1e-5, 1.0, log=True),
        "learning_rate_init": Range(1e-4, 1e-2, log=True),
        "max_iter": Range(10, 60, log=True),
    },
    "lstm": _NETWORK,
    "gru": _NETWORK,
    "tcn": {**_NETWORK, "blocks": Range(1, 5), "kernel_size": Range(2, 5)},
    "transformer": {**_NETWORK, "blocks": Range(1, 3)},
    "keras": {option: _NETWORK[option] for option in ("dropout", "learning_rate")},
}


def search_space(spec: ModelSpec) -> dict[str, Range]:
    """The options of the family that are searched: those that ``spec`` does not fix."""
    return {name: range_ for name, range_ in SEARCH_SPACES[spec.family].items() if name not in spec.options}


def suggest_options(spec: ModelSpec, trial: Suggest) -> dict[str, Any]:
    """Options for one trial, those that ``spec`` fixes among them."""
    searched = {name: range_.suggest(trial, name) for name, range_ in search_space(spec).items()}
    return {**spec.options, **searched}
