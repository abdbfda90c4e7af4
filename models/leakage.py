"""How well each feature alone tells the label of rows that it was not fitted on: what tells it nearly is a leak."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import DataContractError
from models.protocol import Labels, Rows, Task

LeakagePolicy = Literal["warn", "fail", "off"]
# Half of what will happen is told by no honest feature; what is the case already may well be told by one alone, so the
# limit there is that of H2O Driverless AI (detect_features_leakage_threshold_auc).
SUSPICIOUS_AHEAD, SUSPICIOUS_NOW = 0.5, 0.95
_MOST_ROWS = 20_000
_SURE = 1.645  # standard errors that a share must lie above the limit: one alarm in 20 where it lies just at it
_MOST_LEAVES, _LEAST_IN_LEAF = 50, 5  # fine enough for a copy to tell 99.9 %, coarse enough for noise to tell nothing


def single_feature_skill(
    feature_names: tuple[str, ...],
    fitted: tuple[Rows, Labels],
    measured: tuple[Rows, Labels],
    task: Task,
) -> dict[str, float]:
    """Return the share of the label's error that each feature alone removes, 0 for none and 1 for all.

    A small decision tree on one feature finds any dependence, monotone or not. It is fitted on some rows and measured
    on others, so that chance counts for nothing. The share is 1 - MSE / MSE of the fitted mean, both of the label's
    quantile among the fitted labels, since a few large returns would decide over squares of the label itself; for
    classes it is 1 - error rate / error rate of the most frequent class. That a single feature with much skill points
    to a leak is the exploratory test of Kaufman, Rosset, Perlich and Stitelman, "Leakage in data mining", ACM TKDD
    6(4), 2012.

    Args:
        feature_names: Columns of the inputs.
        fitted: (n, n_features) or (n, steps, n_features), of which the last step counts, and (n,) labels; of many
            rows those of :func:`evenly_spaced`, which bounds the cost.
        measured: The same of other rows, later ones where there is time.
        task: What the label is.
    """
    (inputs, labels), (others, truths) = ((_last_steps(rows), known) for rows, known in (fitted, measured))
    if len(labels) == 0 or len(truths) == 0:
        return dict.fromkeys(feature_names, 0.0)
    skill = _share_of_squares if task == "regression" else _share_of_errors
    return {
        name: max(0.0, skill(inputs[:, [i]], labels, others[:, [i]], truths)) for i, name in enumerate(feature_names)
    }


def evenly_spaced(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return at most 20,000 of the rows, from the first to the last: enough to see what a feature alone tells."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS)).astype(np.int64)]


def suspicious_features(skill: Mapping[str, float], label: str, is_ahead: bool, n_independent: float) -> list[str]:
    """Return a sentence for each feature that tells more of the label than an honest one could, the worst first.

    Args:
        skill: From :func:`single_feature_skill`.
        label: Name of the label.
        is_ahead: Whether the label looks ahead of the features' time.
        n_independent: From :func:`independent_rows` of the labels that it was measured on.
    """
    limit = SUSPICIOUS_AHEAD if is_ahead else SUSPICIOUS_NOW
    found = sorted((-share, name) for name, share in skill.items() if _lower_bound(share, n_independent) >= limit)
    return [f"{name} alone tells {-share:.1%} of {label} on rows it was not fitted on" for share, name in found]


def independent_rows(labels: Labels) -> float:
    """Return how many independent rows tell as much as these, which are in the order of time.

    Labels that look ahead overlap: of 30 seconds ahead every 10 seconds, a third is new. The number is
    ``n / (1 + 2 * (r_1 + r_2 + ...))`` with the autocorrelations up to the first that is not positive (Geyer,
    "Practical Markov chain Monte Carlo", Statistical Science 7(4), 1992), of names those of the most frequent one.
    """
    if len(labels) == 0:
        return 0.0
    if labels.dtype.kind not in "fiu":
        classes, codes = np.unique(labels, return_inverse=True)
        labels = codes == np.bincount(codes, minlength=len(classes)).argmax()
    values = labels.astype(np.float64)
    values -= values.mean()
    if not values.any():
        return float(len(values))
    spectrum = np.fft.rfft(values, 2 * len(values))  # twice as long, so that the end does not meet the beginning
    products = np.fft.irfft(np.square(np.abs(spectrum)))[: len(values)]
    correlation = products / products[0]
    is_over = correlation <= 0
    n_lags = int(is_over.argmax()) if is_over.any() else len(values)
    return float(len(values) / (1 + 2 * correlation[1:n_lags].sum()))


def _lower_bound(share: float, n_independent: float) -> float:
    """Return what a share measured on so many rows lies above, by Fisher's transform of its root; 0 for 4 rows."""
    if n_independent <= 4:
        return 0.0
    with np.errstate(divide="ignore"):
        bound = np.arctanh(np.sqrt(min(share, 1.0))) - _SURE / np.sqrt(n_independent - 3)
    return float(np.tanh(max(bound, 0.0)) ** 2)


def check_leakage(model: str, sentences: list[str], policy: LeakagePolicy) -> None:
    """Refuse a training with suspicious features where the policy is fail.

    Raises:
        DataContractError: There are such features.
    """
    if sentences and policy == "fail":
        raise DataContractError(
            f"{model} is not trained: {'; '.join(sentences)}. Leave out what is not known at the row's time, or say "
            "leakage = warn"
        )


def _last_steps(inputs: Rows) -> Rows:
    return inputs[:, -1] if inputs.ndim == 3 else inputs


def _share_of_squares(inputs: Rows, labels: Labels, others: Rows, truths: Labels) -> float:
    from sklearn.tree import DecisionTreeRegressor

    in_order = np.sort(labels)
    fitted, wanted = (np.searchsorted(in_order, values) / len(in_order) for values in (labels, truths))
    error = _mean_square(wanted - DecisionTreeRegressor(**_tree(labels)).fit(inputs, fitted).predict(others))
    naive = _mean_square(wanted - fitted.mean())
    return 1 - error / naive if naive > 0 else 0.0


def _share_of_errors(inputs: Rows, labels: Labels, others: Rows, truths: Labels) -> float:
    from sklearn.tree import DecisionTreeClassifier

    classes, counts = np.unique(labels, return_counts=True)
    error = float(np.mean(DecisionTreeClassifier(**_tree(labels)).fit(inputs, labels).predict(others) != truths))
    naive = float(np.mean(classes[counts.argmax()] != truths))
    return 1 - error / naive if naive > 0 else 0.0


def _tree(labels: Labels) -> dict[str, int]:
    return {"min_samples_leaf": max(_LEAST_IN_LEAF, len(labels) // _MOST_LEAVES), "random_state": 0}


def _mean_square(values: NDArray[np.float64]) -> float:
    return float(np.mean(np.square(values)))
