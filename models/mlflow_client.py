"""MLflow's client, opened without its messages, warnings, telemetry and look-ups of a Git repository."""

import logging
import os
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


def open_client(tracking_uri: str) -> "MlflowClient":
    """Return a client whose runs and registry lie at ``tracking_uri``; a SQLite file is created where it is missing."""
    for variable, value in _QUIET.items():
        os.environ.setdefault(variable, value)
    with warnings.catch_warnings():
        # MLflow 3.17 still uses a loader strategy that SQLAlchemy 2.1 deprecates.
        warnings.filterwarnings("ignore", message=".*noload.*", category=DeprecationWarning)
        from mlflow import MlflowClient

        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
        client.search_registered_models(max_results=1)
    return client
