"""scikit-learn's own estimators by class path, and pipelines of them: ``a.b.Scaler | a.b.Estimator``.

They have scikit-learn's parameters and defaults, a pipeline's with the name of the step before them
(``huberregressor__epsilon``). On the list is what can be stored without pickle and gives a row the same number whatever
rows come with it; where scikit-learn's class does not, that of ``models.fixed_order_linear`` stands for it. Not on it
are estimators that choose a parameter by folds of their own, which know nothing of time, and classifiers that give no
probabilities.
"""

import importlib
from functools import cache

from sklearn.base import is_classifier

from models import fixed_order_linear
from models.errors import UsageError
from models.names import near_first
from models.protocol import Task
from models.sklearn_models import SklearnChoice

SEPARATOR = "|"
_TWO_TASKS = ("Classifier", "Regressor")
_ENSEMBLES = ("AdaBoost", "Bagging", "ExtraTrees", "GradientBoosting", "HistGradientBoosting", "RandomForest")
ESTIMATOR_PATHS = (
    "sklearn.discriminant_analysis.LinearDiscriminantAnalysis",
    *(f"sklearn.ensemble.{name}{kind}" for name in _ENSEMBLES for kind in _TWO_TASKS),
    "sklearn.linear_model.ARDRegression",
    "sklearn.linear_model.BayesianRidge",
    "sklearn.linear_model.ElasticNet",
    "sklearn.linear_model.HuberRegressor",
    "sklearn.linear_model.LinearRegression",
    "sklearn.linear_model.LogisticRegression",
    "sklearn.linear_model.OrthogonalMatchingPursuit",
    "sklearn.linear_model.QuantileRegressor",
    "sklearn.linear_model.Ridge",
    "sklearn.linear_model.SGDRegressor",
    "sklearn.linear_model.TheilSenRegressor",
    "sklearn.naive_bayes.GaussianNB",
    "sklearn.svm.LinearSVR",
    "sklearn.svm.NuSVR",
    "sklearn.svm.SVR",
    *(f"sklearn.tree.{name}Tree{kind}" for name in ("Decision", "Extra") for kind in _TWO_TASKS),
)
TRANSFORMER_PATHS = (
    "sklearn.decomposition.PCA",
    "sklearn.feature_selection.VarianceThreshold",
    "sklearn.preprocessing.Binarizer",
    "sklearn.preprocessing.MaxAbsScaler",
    "sklearn.preprocessing.MinMaxScaler",
    "sklearn.preprocessing.Normalizer",
    "sklearn.preprocessing.PolynomialFeatures",
    "sklearn.preprocessing.PowerTransformer",
    "sklearn.preprocessing.QuantileTransformer",
    "sklearn.preprocessing.RobustScaler",
    "sklearn.preprocessing.StandardScaler",
)


def class_path_family(family: str) -> str:
    """Return the family as the list spells it, with ``' | '`` between the steps; upper and lower case do not count.

    Raises:
        UsageError: A class is not on the list, or one stands twice.
    """
    *before, last = (step.strip() for step in family.split(SEPARATOR))
    if twice := next((step for step in before if before.count(step) > 1), None):
        raise UsageError(f"{twice} stands twice in the pipeline: each step has its name once, keep one.")
    return f" {SEPARATOR} ".join(
        [*(_listed(step, TRANSFORMER_PATHS) for step in before), _listed(last, ESTIMATOR_PATHS)]
    )


def _listed(path: str, paths: tuple[str, ...]) -> str:
    found = next((known for known in paths if known.lower() == path.lower()), None)
    if found is None:
        what = "an estimator" if paths is ESTIMATOR_PATHS else "a transformer"
        raise UsageError(
            f"{path!r} is not {what} that Foretable trains by class path; choose one of "
            f"{', '.join(near_first(path, paths))}."
        )
    return found


@cache
def choices_of(family: str) -> dict[Task, SklearnChoice]:
    """Return the one task that a class path can do, and how it is built.

    Raises:
        UsageError: As :func:`class_path_family`.
    """
    *before, last = (_load(path) for path in class_path_family(family).split(f" {SEPARATOR} "))
    task: Task = "classification" if is_classifier(last()) else "regression"
    return {task: SklearnChoice(last, {}, tuple(before), names_steps=bool(before))}


def _load(path: str) -> type:
    """The class at a path of the list, or ours that sums in a fixed order in its place."""
    module, _, name = path.rpartition(".")
    found: type = getattr(fixed_order_linear, f"FixedOrder{name}", None) or getattr(
        importlib.import_module(module), name
    )
    return found
