"""How unlike the training rows a row is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.protocol import Rows

Values = NDArray[np.float64]
FARTHEST = 1e6
_CONSTANT_TOLERANCE = 1e-6
_SMALLEST_EIGENVALUE = 1e-9
_QUANTILE = 0.99


@dataclass(frozen=True)
class TrainingDistance:
    """Mahalanobis distance from the training mean, and how far the training rows themselves lie.

    Attributes:
        center: (n_features,) mean of each feature.
        scale: (n_features,) standard deviation; for a constant feature what counts as one, a millionth of its size.
        whitening: (n_features, n_features) matrix W: the distance is the length of ``(x - center) / scale @ W``.
        far: 99th percentile of the distance over the training rows; 1 where it would be 0.
    """

    center: Values
    scale: Values
    whitening: Values
    far: float

    def unlikeness(self, X: Rows) -> Values:
        """Return the distance of each row in units of ``far``, from 0 to ``FARTHEST``.

        1 means as far out as the last 1 % of the training rows. Of a sequence it is that of its farthest step.

        Args:
            X: (n_rows, n_features) or (n_rows, n_steps, n_features), finite.
        """
        return np.minimum(self.distance(X) / self.far, FARTHEST)

    def distance(self, X: Rows) -> Values:
        """Return the Mahalanobis distance of each row, of a sequence that of its farthest step."""
        n_features = X.shape[-1]
        with np.errstate(over="ignore"):
            standardized = (X.reshape(-1, n_features) - self.center) / self.scale
        # Squares of the largest doubles would overflow; nothing sensible lies this far out.
        standardized = np.clip(standardized, -1e100, 1e100)
        # Added feature by feature, so that a row gets the same number whatever rows come with it (BLAS differs).
        whitened = np.zeros_like(standardized)
        for feature, weights in enumerate(self.whitening):
            whitened += standardized[:, [feature]] * weights
        distance = np.sqrt((whitened**2).sum(axis=1))
        return distance if X.ndim == 2 else distance.reshape(X.shape[:2]).max(axis=1)


def fit_training_distance(X: Rows) -> TrainingDistance:
    """Fit the distance on training rows, with the covariance of Ledoit and Wolf (2004) of standardized features.

    Shrinkage keeps the covariance invertible where features are many or depend on each other. A feature that was
    constant in training has no covariance with others: a change by a millionth of its size counts as one deviation.

    Args:
        X: (n_rows, n_features) or (n_rows, n_steps, n_features), finite, at least one row.
    """
    steps = X.reshape(-1, X.shape[-1])
    n_features = steps.shape[1]
    center = steps.mean(axis=0)
    is_constant = steps.min(axis=0) == steps.max(axis=0)
    center[is_constant] = steps[0, is_constant]
    size = np.where(center == 0, 1.0, np.abs(center))
    scale = np.where(is_constant, _CONSTANT_TOLERANCE * size, steps.std(axis=0))
    whitening = np.eye(n_features)
    varying = np.flatnonzero(~is_constant)
    if len(varying):
        standardized = (steps[:, varying] - center[varying]) / scale[varying]
        whitening[np.ix_(varying, varying)] = _whitening(standardized)
    unscaled = TrainingDistance(center, scale, whitening, far=1.0)
    far = float(np.quantile(unscaled.distance(X), _QUANTILE))
    return TrainingDistance(center, scale, whitening, far or 1.0)


def _whitening(standardized: Values) -> Values:
    """Return W with ``W @ W.T`` the inverse of the shrunk covariance."""
    from sklearn.covariance import LedoitWolf

    covariance = LedoitWolf(assume_centered=True).fit(standardized).covariance_
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    # Shrinkage may be 0; a direction without any spread then counts as one with very little.
    return eigenvectors / np.sqrt(np.maximum(eigenvalues, _SMALLEST_EIGENVALUE * eigenvalues.max()))
