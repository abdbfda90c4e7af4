"""What became of each group of a grouped model: which model answers, on how many rows, and with what errors."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelContractError
from models.group_key import Keys, features_of, has_group, keys_of
from models.grouped_model import OWN, GroupedModel
from models.metrics import pinball_losses
from models.protocol import Labels, Rows, Validation
from models.sklearn_models import SklearnModel
from models.training_profile import TrainingProfile

FILE_NAME = "groups.json"
NOT_TRAINED = "not in the training rows"
Values = NDArray[np.float64]


@dataclass(frozen=True)
class GroupResult:
    """One group of one version.

    Attributes:
        group_name: Value of the group's column.
        status: ``own`` where the group has a model of its own, else why the model of all rows answers.
        n_train: Training rows of the group.
        n_validation: Validation rows.
        n_test: Test rows.
        metric: Name of the errors: rmse, of a quantile pinball_loss, of a classifier log_loss.
        validation_error: Of what the version answers, in the unit of the label; None where there are no rows.
        test_error: The same on the test rows.
        pooled_validation_error: What the model of all rows would have.
        pooled_test_error: The same on the test rows.
        half_width: Of the group's own interval; None where it has that of all rows.
    """

    group_name: str
    status: str
    n_train: int
    n_validation: int
    n_test: int
    metric: str
    validation_error: float | None
    test_error: float | None
    pooled_validation_error: float | None
    pooled_test_error: float | None
    half_width: float | None


def group_results(
    model: GroupedModel, names: Mapping[int, str], parts: Mapping[str, Validation], profile: TrainingProfile
) -> list[GroupResult]:
    """Return the groups in the order of their names.

    Args:
        model: The fitted model.
        names: Name of each hash, see ``models.group_key``.
        parts: Inputs and labels of ``train``, ``validation`` and ``test``; the last two may be empty.
        profile: Of the training, with the widths of intervals.
    """
    counts = {part: dict(zip(*_counted(X), strict=True)) for part, (X, _) in parts.items()}
    errors = {part: _errors(model, *parts[part]) for part in ("validation", "test")}
    metric = _metric(model)

    def result(key: int) -> GroupResult:
        own, pooled = ({part: _rounded(errors[part][i].get(key)) for part in errors} for i in range(2))
        half_width = profile.group_half_widths.get(key)
        return GroupResult(
            group_name=names[key],
            status=model.status.get(key, NOT_TRAINED),
            n_train=counts["train"].get(key, 0),
            n_validation=counts["validation"].get(key, 0),
            n_test=counts["test"].get(key, 0),
            metric=metric,
            validation_error=own["validation"],
            test_error=own["test"],
            pooled_validation_error=pooled["validation"],
            pooled_test_error=pooled["test"],
            half_width=None if half_width is None or math.isnan(half_width) else half_width,
        )

    return [result(key) for key in sorted(names, key=lambda key: names[key])]


def count_groups(results: list[GroupResult]) -> dict[str, float]:
    """Return how many groups have a model of their own, and for how many that of all rows answers."""
    n_own = sum(result.status == OWN for result in results)
    return {"own": n_own, "pooled": len(results) - n_own}


def to_json(results: list[GroupResult]) -> str:
    """Return the results as JSON text: a list of objects, one a group."""
    return json.dumps([asdict(result) for result in results], allow_nan=False)


def from_json(content: str | bytes) -> list[GroupResult]:
    """Read what :func:`to_json` wrote.

    Raises:
        ModelContractError: The content is something else.
    """
    known = {field.name for field in fields(GroupResult)}
    try:
        return [GroupResult(**{name: row[name] for name in known}) for row in json.loads(content)]
    except (ValueError, KeyError, TypeError) as unreadable:
        raise ModelContractError(f"{FILE_NAME} cannot be read; train the model again.") from unreadable


def _counted(X: Rows) -> tuple[list[int], list[int]]:
    keys, n_rows = np.unique(keys_of(X)[has_group(X)], return_counts=True)
    return keys.tolist(), n_rows.tolist()


def _metric(model: GroupedModel) -> str:
    if model.classes is not None:
        return "log_loss"
    return "rmse" if model.spec.options.get("quantile") is None else "pinball_loss"


def _errors(model: GroupedModel, X: Rows, labels: Labels) -> tuple[dict[int, float], dict[int, float]]:
    """Error of each group by what the model answers, and by what its parent does."""
    is_named = has_group(X)
    rows, truths = X[is_named], labels[is_named]
    if len(rows) == 0:
        return {}, {}
    keys = keys_of(rows)
    own, pooled = _losses(model, rows, truths), _losses(model.parent, features_of(rows, model.group), truths)
    is_square = _metric(model) == "rmse"
    return _means(keys, own, is_square), _means(keys, pooled, is_square)


def _losses(model: GroupedModel | SklearnModel, rows: Rows, labels: Labels) -> Values:
    """Squared error of each row, of a quantile its pinball loss, of a classifier its log loss."""
    if model.classes is None:
        predicted = np.asarray(model.predict(rows), dtype=np.float64)
        quantile = model.spec.options.get("quantile")
        return np.square(predicted - labels) if quantile is None else pinball_losses(labels, predicted, quantile)
    probability = model.predict_probability(rows)
    place = np.searchsorted(model.classes, labels.astype(model.classes.dtype))
    given = probability[np.arange(len(labels)), place]
    return -np.log(np.clip(given, np.finfo(np.float64).eps, 1.0))


def _means(keys: Keys, losses: Values, is_square: bool) -> dict[int, float]:
    known, place, n_rows = np.unique(keys, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=losses) / n_rows
    return dict(zip(known.tolist(), (np.sqrt(means) if is_square else means).tolist(), strict=True))


def _rounded(error: float | None) -> float | None:
    """An error as JSON can hold it: None where it is not defined."""
    return None if error is None or not math.isfinite(error) else error
