"""Families that scikit-learn fits: one row in, one prediction out."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils._param_validation import InvalidParameterError
from threadpoolctl import ThreadpoolController

from models.convergence import fit_and_tell
from models.errors import UsageError
from models.fixed_order_linear import (
    FixedOrderLasso,
    FixedOrderLinearRegression,
    FixedOrderLogisticRegression,
    FixedOrderRidge,
)
from models.fixed_order_network import FixedOrderMLPClassifier, FixedOrderMLPRegressor
from models.names import is_class_path
from models.protocol import Labels, ModelSpec, Rows, Task, Validation, check_input, refuse_probability
from models.training_record import TrainingRecord

_IN_THREADS = (RandomForestRegressor, RandomForestClassifier, ExtraTreesRegressor, ExtraTreesClassifier)
# Without a copy of its own an estimator may write to the rows, which are measured and remembered as well.
_SET_BY_US = frozenset({"random_state", "n_jobs", "verbose", "warm_start", "copy", "copy_X"})


@dataclass(frozen=True)
class SklearnChoice:
    """An estimator class with the defaults that suit labels of which features explain little.

    Attributes:
        estimator: scikit-learn class; its constructor's parameters are the options.
        defaults: What differs from scikit-learn's own defaults.
        before: Transformers that the inputs go through first, each with its defaults.
        names_steps: Whether the name of its step stands before each option, as in scikit-learn's own pipelines.
    """

    estimator: type
    defaults: Mapping[str, Any]
    before: tuple[type, ...] = ()
    names_steps: bool = False

    def build(self, options: Mapping[str, Any], seed: int) -> Any:
        """Return an unfitted estimator, or the pipeline that ends with it, all drawing from ``seed``."""
        core = self.estimator(**self.defaults)
        steps = [(step_name(type(step)), step) for step in (*(step() for step in self.before), core)]
        whole = Pipeline(steps) if self.before else core
        (whole if self.names_steps else core).set_params(**options)
        seeds = [name for name in whole.get_params() if name.rpartition("__")[2] == "random_state"]
        return whole.set_params(**dict.fromkeys(seeds, seed))


def step_name(estimator: type) -> str:
    """Return the name of a step in scikit-learn's pipelines; the fixed order of ours is no part of it."""
    return estimator.__name__.removeprefix("FixedOrder").lower()


_FOREST_DEFAULTS = {"n_estimators": 100, "max_depth": 6, "min_samples_leaf": 50, "max_samples": 0.5}
_TREE_DEFAULTS = {"max_depth": 4, "min_samples_leaf": 50}
_BOOSTING_DEFAULTS = {
    "learning_rate": 0.05,
    "max_iter": 200,
    "max_depth": 3,
    "min_samples_leaf": 100,
    "l2_regularization": 10.0,
}

BOOSTING_LOSSES = ("squared_error", "absolute_error", "quantile")
_NETWORK_DEFAULTS = {"hidden_layer_sizes": 32, "alpha": 1e-3, "batch_size": 256, "max_iter": 30}

LINEAR: dict[Task, SklearnChoice] = {
    "regression": SklearnChoice(FixedOrderLinearRegression, {}, before=(StandardScaler,))
}
LASSO: dict[Task, SklearnChoice] = {
    "regression": SklearnChoice(FixedOrderLasso, {"alpha": 0.01}, before=(StandardScaler,))
}
MLP: dict[Task, SklearnChoice] = {
    "regression": SklearnChoice(FixedOrderMLPRegressor, _NETWORK_DEFAULTS, before=(StandardScaler,)),
    "classification": SklearnChoice(FixedOrderMLPClassifier, _NETWORK_DEFAULTS, before=(StandardScaler,)),
}
RIDGE: dict[Task, SklearnChoice] = {
    "regression": SklearnChoice(FixedOrderRidge, {"alpha": 100.0}, before=(StandardScaler,))
}
LOGISTIC: dict[Task, SklearnChoice] = {
    "classification": SklearnChoice(
        FixedOrderLogisticRegression, {"C": 0.01, "max_iter": 500}, before=(StandardScaler,)
    )
}
FORESTS: dict[Task, SklearnChoice] = {
    "regression": SklearnChoice(RandomForestRegressor, {**_FOREST_DEFAULTS, "max_features": 0.5}),
    "classification": SklearnChoice(RandomForestClassifier, {**_FOREST_DEFAULTS, "max_features": "sqrt"}),
}
DECISION_TREE: dict[Task, SklearnChoice] = {
    "regression": SklearnChoice(DecisionTreeRegressor, _TREE_DEFAULTS),
    "classification": SklearnChoice(DecisionTreeClassifier, _TREE_DEFAULTS),
}
GRADIENT_BOOSTING: dict[Task, SklearnChoice] = {
    "regression": SklearnChoice(HistGradientBoostingRegressor, {**_BOOSTING_DEFAULTS, "early_stopping": False}),
    "classification": SklearnChoice(HistGradientBoostingClassifier, {**_BOOSTING_DEFAULTS, "early_stopping": False}),
}


def sklearn_options(choice: SklearnChoice) -> dict[str, Any]:
    """Return name and default of each option, without deprecated ones and those that Foretable sets itself."""
    if not choice.names_steps:
        return {**_parameters(choice.estimator), **choice.defaults}
    return {
        f"{step_name(step)}__{name}": default
        for step in (*choice.before, choice.estimator)
        for name, default in _parameters(step).items()
    }


def _parameters(estimator: type) -> dict[str, Any]:
    base = next(cls for cls in estimator.__mro__ if "__init__" in vars(cls))
    return {
        name: parameter.default
        for name, parameter in inspect.signature(base).parameters.items()
        if name not in _SET_BY_US and parameter.default not in ("deprecated", "warn")
    }


def check_boosting_options(spec: ModelSpec) -> None:
    """Refuse a loss of which the predictions are no sum of the trees, and a quantile that is missing or out of range.

    Raises:
        UsageError: As said.
    """
    if spec.task == "classification":
        return
    loss, quantile = spec.options.get("loss", "squared_error"), spec.options.get("quantile")
    if loss not in BOOSTING_LOSSES:
        raise UsageError(f"{spec.family} takes loss {', '.join(BOOSTING_LOSSES)}, got {loss!r}.")
    if (loss == "quantile") != (quantile is not None):
        raise UsageError(f"{spec.family} takes quantile with loss = 'quantile', for example 0.9, and only then.")
    if quantile is not None and (isinstance(quantile, bool | str) or not 0 < quantile < 1):
        raise UsageError(f"quantile lies between 0 and 1, got {quantile!r}.")


@cache
def _thread_pools() -> ThreadpoolController:
    """Of the libraries that importing scikit-learn has loaded; looking for them takes as long as a small fit."""
    return ThreadpoolController()


def fit_threads() -> int:
    """Threads that a fit may use: all cores of this machine, or of its container; in a task of Spark those of the task.

    Spark sets OMP_NUM_THREADS for its Python workers.
    """
    pools = _thread_pools().select(user_api="openmp").info()
    return min([cpu_count(), *(pool["num_threads"] for pool in pools)])


class SklearnModel:
    """A scikit-learn estimator behind the protocol of ``models.protocol.Model``."""

    artifact_format = "skops"

    def __init__(
        self,
        spec: ModelSpec,
        feature_names: tuple[str, ...],
        choice: SklearnChoice,
        n_fit_threads: int | None = None,
    ) -> None:
        """Make an unfitted model; ``spec`` is checked by ``models.families``.

        Args:
            spec: What to fit.
            feature_names: Columns of the inputs.
            choice: The estimator.
            n_fit_threads: None for :func:`fit_threads`. The fit is the same with any number, but that boosting on more
                than two threads adds gradients up in the order in which they finish, which may move its last bit.
        """
        self.spec = spec
        self.feature_names = feature_names
        self.label = spec.label
        self.task = spec.task
        self.sequence_length = 1
        self.estimator = choice.build(spec.options, spec.seed)
        self._core = self.estimator[-1] if choice.before else self.estimator
        self._n_fit_threads = fit_threads() if n_fit_threads is None else n_fit_threads
        if isinstance(self._core, _IN_THREADS):
            self._core.set_params(n_jobs=self._n_fit_threads)

    @property
    def classes(self) -> Labels | None:
        """The labels seen in training, sorted; None for a regressor."""
        return self.estimator.classes_ if self.task == "classification" else None

    @property
    def loss_history(self) -> dict[str, list[float]]:
        """Loss per boosting iteration or epoch of a network; empty for the other families."""
        if hasattr(self._core, "loss_curve_"):
            return {"train": [float(loss) for loss in self._core.loss_curve_]}
        parts = {"train": "train_score_", "validation": "validation_score_"}
        scores = {part: getattr(self._core, attribute, ()) for part, attribute in parts.items()}
        return {part: [-float(score) for score in values] for part, values in scores.items() if len(values)}

    def fit(
        self, X: Rows, y: Labels, validation: Validation | None = None, record: TrainingRecord | None = None
    ) -> "SklearnModel":
        """Fit; gradient boosting stops early on ``validation``. ``record`` is told where a solver has not converged.

        Raises:
            UsageError: An option has a value that scikit-learn refuses, or the classes are numbers with a fraction; or
                a class by path cannot be fitted to these rows.
        """
        rows = check_input(X, self.feature_names, self.sequence_length)
        extra: dict[str, Any] = {}
        if validation is not None and isinstance(
            self._core, HistGradientBoostingRegressor | HistGradientBoostingClassifier
        ):
            self._core.set_params(early_stopping=True)
            extra = {"X_val": validation[0], "y_val": self._plain_labels(validation[1])}
        try:
            with _thread_pools().limit(limits=self._n_fit_threads, user_api="openmp"):
                has_converged = fit_and_tell(self.estimator, rows, self._plain_labels(y), **extra)
        except InvalidParameterError as refused:
            raise UsageError(f"{self.spec.family} refuses an option: {' '.join(str(refused).split())}") from refused
        except ValueError as refused:
            if not is_class_path(self.spec.family):
                raise
            raise UsageError(f"{self.spec.family} cannot be fitted: {' '.join(str(refused).split())}") from refused
        if not has_converged and record is not None:
            record.say(f"{self.spec.name} has not converged: raise max_iter, or bring the features to one scale")
        if hasattr(self._core, "n_jobs"):
            # Threads add the trees up in the order in which they finish: with one thread the sum is always the same.
            self._core.set_params(n_jobs=None)
        return self

    def predict(self, X: Rows) -> Labels:
        """One prediction a row; the same for a row whatever rows come with it."""
        return self.estimator.predict(check_input(X, self.feature_names, self.sequence_length))

    def predict_probability(self, X: Rows) -> NDArray[np.float64]:
        """(n_rows, n_classes) in the order of ``classes``."""
        if self.task == "regression":
            raise refuse_probability(self.label)
        return self.estimator.predict_proba(check_input(X, self.feature_names, self.sequence_length))

    def _plain_labels(self, y: Labels) -> Labels:
        """Return text labels as a fixed-width array, which an artifact can hold without pickle."""
        labels = np.asarray(y)
        if self.task == "classification" and labels.dtype.kind == "f" and np.any(labels != np.round(labels)):
            raise UsageError(
                f"The classes of {self.label} are numbers with a fraction; cast them to STRING, or train a regression."
            )
        return labels.astype(str) if labels.dtype == object else labels
