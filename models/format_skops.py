"""scikit-learn estimators in skops files, read with an allow-list of our own."""

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError
from models.protocol import Labels, Rows

if TYPE_CHECKING:
    from models.sklearn_models import SklearnModel

SKOPS_FILE_NAME = "model.skops"
_OURS = (
    *(
        f"models.fixed_order_linear.FixedOrder{name}"
        for name in (
            "ARDRegression",
            "BayesianRidge",
            "ElasticNet",
            "HuberRegressor",
            "Lasso",
            "LinearDiscriminantAnalysis",
            "LinearRegression",
            "LinearSVR",
            "LogisticRegression",
            "OrthogonalMatchingPursuit",
            "PCA",
            "QuantileRegressor",
            "Ridge",
            "SGDRegressor",
            "TheilSenRegressor",
        )
    ),
    "models.fixed_order_network.FixedOrderMLPClassifier",
    "models.fixed_order_network.FixedOrderMLPRegressor",
)
_TREES = ("sklearn.tree._tree.Tree", "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor")
_LOADERS = frozenset(
    {"DictNode", "JsonNode", "ListNode", "LossNode", "NdArrayNode", "ObjectNode", "RandomGeneratorNode"}
    | {"RandomStateNode", "TreeNode", "TupleNode", "TypeNode"}
)
ALLOWED_TYPES = frozenset(
    {
        *_OURS,
        *_TREES,
        "builtins.dict",
        "builtins.list",
        "builtins.str",
        "builtins.tuple",
        "numpy.bool",
        "numpy.float64",
        "numpy.int64",
        "numpy.ndarray",
        "numpy.random._generator.Generator",
        "numpy.random.mtrand.RandomState",
        "numpy.uint64",
        "sklearn._loss._loss.CyAbsoluteError",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfGammaLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfPoissonLoss",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn._loss._loss.CyPinballLoss",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogLink",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.AbsoluteError",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfGammaLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfPoissonLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn._loss.loss.PinballLoss",
        "sklearn.dummy.DummyClassifier",
        "sklearn.dummy.DummyRegressor",
        "sklearn.ensemble._bagging.BaggingClassifier",
        "sklearn.ensemble._bagging.BaggingRegressor",
        "sklearn.ensemble._forest.ExtraTreesClassifier",
        "sklearn.ensemble._forest.ExtraTreesRegressor",
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._forest.RandomForestRegressor",
        "sklearn.ensemble._gb.GradientBoostingClassifier",
        "sklearn.ensemble._gb.GradientBoostingRegressor",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
        "sklearn.ensemble._weight_boosting.AdaBoostClassifier",
        "sklearn.ensemble._weight_boosting.AdaBoostRegressor",
        "sklearn.feature_selection._variance_threshold.VarianceThreshold",
        "sklearn.naive_bayes.GaussianNB",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.Binarizer",
        "sklearn.preprocessing._data.MaxAbsScaler",
        "sklearn.preprocessing._data.MinMaxScaler",
        "sklearn.preprocessing._data.Normalizer",
        "sklearn.preprocessing._data.PowerTransformer",
        "sklearn.preprocessing._data.QuantileTransformer",
        "sklearn.preprocessing._data.RobustScaler",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn.preprocessing._polynomial.PolynomialFeatures",
        "sklearn.svm._classes.NuSVR",
        "sklearn.svm._classes.SVR",
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.tree._classes.ExtraTreeClassifier",
        "sklearn.tree._classes.ExtraTreeRegressor",
    }
)


class SkopsEngine:
    """A fitted scikit-learn estimator that came out of a skops file."""

    def __init__(self, estimator: Any) -> None:
        """Keep the estimator."""
        self.estimator = estimator

    def predict(self, X: Rows) -> Labels:
        """What the estimator predicts; a linear model gives infinity or NaN where its arithmetic overflows."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.estimator.predict(X)

    def predict_probability(self, X: Rows) -> NDArray[np.float64]:
        """What the classifier gives each class, in the order of its classes."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self.estimator.predict_proba(X)


def write_skops(model: "SklearnModel", folder: Path) -> None:
    """Write ``model.skops`` into ``folder``."""
    import skops.io

    skops.io.dump(model.estimator, folder / SKOPS_FILE_NAME, compression=zipfile.ZIP_DEFLATED)


def read_skops(content: bytes) -> SkopsEngine:
    """Return the estimator of a skops file, made only of types on our list.

    Raises:
        ModelContractError: The content is no skops file, or holds another type; that type is named.
    """
    import skops.io

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            schema = json.loads(archive.read("schema.json"))
    except (zipfile.BadZipFile, KeyError, ValueError) as unreadable:
        raise ModelContractError(
            f"{SKOPS_FILE_NAME} is not a skops file, and pickle is refused; train the model again with foretable train."
        ) from unreadable
    refused = sorted({name for name, loader in _nodes(schema) if name not in ALLOWED_TYPES or loader not in _LOADERS})
    if refused:
        raise ModelContractError(
            f"{SKOPS_FILE_NAME} holds {', '.join(refused)}, which Foretable does not load; "
            "train the model again with one of Foretable's families."
        )
    return SkopsEngine(skops.io.loads(content, trusted=[*_OURS, *_TREES]))


def _nodes(node: Any) -> Iterator[tuple[str, str]]:
    """Yield type name and loader of every node in a skops schema."""
    if isinstance(node, dict):
        if "__loader__" in node:
            yield f"{node.get('__module__')}.{node.get('__class__')}", str(node["__loader__"])
        for child in node.values():
            yield from _nodes(child)
    elif isinstance(node, list):
        for child in node:
            yield from _nodes(child)
