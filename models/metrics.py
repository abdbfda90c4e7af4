"""How good predictions are."""

import numpy as np
from numpy.typing import NDArray

from models.protocol import Labels

Values = NDArray[np.float64]


_CONFIDENCE_BINS = 10


def regression_metrics(actual: Values, predicted: Values) -> dict[str, float]:
    """Return mse, rmse, mae, r2, directional_accuracy and information_coefficient.

    All are in the unit of the label (mse squared) or unitless. A value that is not defined for the data is NaN: r2 of a
    constant label, the information coefficient where either side is constant.
    """
    error = predicted - actual
    mse = float(np.mean(error**2))
    variance = float(np.var(actual))
    return {
        "mse": mse,
        "rmse": mse**0.5,
        "mae": float(np.mean(np.abs(error))),
        "r2": 1 - mse / variance if variance > 0 else float("nan"),
        "directional_accuracy": directional_accuracy(actual, predicted),
        "information_coefficient": information_coefficient(actual, predicted),
    }


def pinball_loss(actual: Values, predicted: Values, quantile: float) -> float:
    """Return the mean loss that the quantile itself makes smallest (Koenker and Bassett 1978), in the label's unit.

    An outcome above the prediction costs ``quantile`` times the distance, one below it 1 - ``quantile`` times.

    >>> pinball_loss(np.array([2.0, 0.0]), np.array([1.0, 1.0]), 0.75)
    0.5
    """
    return float(np.mean(pinball_losses(actual, predicted, quantile)))


def pinball_losses(actual: Values, predicted: Values, quantile: float) -> Values:
    """Return the loss of each row, see :func:`pinball_loss`."""
    above = actual - predicted
    return np.maximum(quantile * above, (quantile - 1) * above)


def directional_accuracy(actual: Values, predicted: Values) -> float:
    """Return the share of moves of which the sign was predicted; rows without a move are left out, NaN if all are.

    >>> float(directional_accuracy(np.array([1.0, -1.0, 0.0]), np.array([0.5, 0.5, 0.5])))
    0.5
    """
    moved = actual != 0
    return float(np.mean(np.sign(predicted[moved]) == np.sign(actual[moved]))) if moved.any() else float("nan")


def information_coefficient(actual: Values, predicted: Values) -> float:
    """Return Spearman's rank correlation, ties at their mean rank; NaN where either side is constant.

    >>> round(information_coefficient(np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 15.0])), 12)
    0.5
    """
    ranks_of_actual, ranks_of_predicted = mean_ranks(actual), mean_ranks(predicted)
    deviations = np.std(ranks_of_actual) * np.std(ranks_of_predicted)
    if deviations == 0:
        return float("nan")
    centered = (ranks_of_actual - ranks_of_actual.mean()) * (ranks_of_predicted - ranks_of_predicted.mean())
    return float(np.mean(centered) / deviations)


def mean_ranks(values: NDArray[np.generic]) -> Values:
    """Return ranks from 1; equal values share the mean of their ranks.

    >>> mean_ranks(np.array([5.0, 1.0, 5.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, position, count = np.unique(values, return_inverse=True, return_counts=True)
    last_rank = np.cumsum(count)
    return (last_rank - (count - 1) / 2)[position]


def classification_metrics(actual: Labels, probability: Values, classes: Labels) -> dict[str, float]:
    """Return accuracy, log_loss (nats), brier, calibration_error and, for two classes, auc.

    The Brier score is the mean squared distance between probabilities and outcome, summed over classes (Brier 1950),
    halved for two classes so that it is the squared error of the second class's probability. The area under the ROC
    curve is the Mann-Whitney statistic; NaN where only one class occurs. The calibration error is that of
    :func:`calibration_error`.

    Args:
        actual: (n_rows,) labels, each one of ``classes``.
        probability: (n_rows, n_classes) in the order of ``classes``.
        classes: (n_classes,) sorted labels.
    """
    position = np.searchsorted(classes, actual)
    outcome = np.eye(len(classes))[position]
    smallest = np.finfo(np.float64).eps
    given = np.clip(probability[np.arange(len(position)), position], smallest, 1.0)
    is_binary = len(classes) == 2
    brier = float(np.mean(np.sum((probability - outcome) ** 2, axis=1)))
    metrics = {
        "accuracy": float(np.mean(probability.argmax(axis=1) == position)),
        "log_loss": float(-np.mean(np.log(given))),
        "brier": brier / 2 if is_binary else brier,
        "calibration_error": calibration_error(
            probability.max(axis=1), np.equal(probability.argmax(axis=1), position).astype(np.float64)
        ),
    }
    return {**metrics, "auc": _area_under_curve(position == 1, probability[:, 1])} if is_binary else metrics


def calibration_error(confidence: Values, is_right: Values) -> float:
    """Return how far the share of right answers lies from the confidence, over ten bins weighted by their rows.

    The expected calibration error of Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", ICML
    2017, equation 3: 0 where of the answers given with 70 % confidence 70 % are right.

    >>> float(round(calibration_error(np.array([0.75, 0.75, 0.95, 0.95]), np.array([1.0, 0.0, 1.0, 1.0])), 12))
    0.15

    Args:
        confidence: (n_rows,) probability of the class that is answered.
        is_right: (n_rows,) 1 where the answer is right, else 0.
    """
    bins = np.minimum((confidence * _CONFIDENCE_BINS).astype(np.int64), _CONFIDENCE_BINS - 1)
    excess = np.bincount(bins, weights=is_right - confidence, minlength=_CONFIDENCE_BINS)
    return float(np.abs(excess).sum() / len(confidence))


def _area_under_curve(is_second: NDArray[np.bool_], score: Values) -> float:
    n_second = int(is_second.sum())
    n_first = len(is_second) - n_second
    if n_second == 0 or n_first == 0:
        return float("nan")
    rank_sum = float(mean_ranks(score)[is_second].sum())
    return (rank_sum - n_second * (n_second + 1) / 2) / (n_first * n_second)
