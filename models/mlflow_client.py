"""MLflow's client, opened without its messages, warnings, telemetry and look-ups of a Git repository."""

import logging
import os
import warnings
from typing import TYPE_CHECKING

from models.errors import StorageError, UsageError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "GIT_PYTHON_REFRESH": "quiet",
}


def open_client(tracking_uri: str) -> "MlflowClient":
    """Return a client whose runs and registry lie at ``tracking_uri``; a SQLite file is created where it is missing.

    Raises:
        StorageError: The database cannot be reached, or does not let this user in.
        UsageError: The driver of PostgreSQL is not installed.
    """
    for variable, value in _QUIET.items():
        os.environ.setdefault(variable, value)
    with warnings.catch_warnings():
        # MLflow 3.17 still uses a loader strategy that SQLAlchemy 2.1 deprecates.
        warnings.filterwarnings("ignore", message=".*noload.*", category=DeprecationWarning)
        from mlflow import MlflowClient

        if tracking_uri.startswith("postgresql"):
            _check_database(tracking_uri)
        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
        client.search_registered_models(max_results=1)
    return client


def _check_database(uri: str) -> None:
    """Connect once: MLflow alone tries a database that does not answer for an hour."""
    import sqlalchemy

    try:
        engine = sqlalchemy.create_engine(uri)
    except ImportError as e:
        raise UsageError(
            f"the driver of the model store {uri} is not installed: pip install 'foretable[postgres]'"
        ) from e
    try:
        with engine.connect():
            pass
    except sqlalchemy.exc.OperationalError as e:
        reason = " ".join(str(e.orig).split())[:300].partition(" Is the server running")[0]
        raise StorageError(
            f"the model store {uri} cannot be used ({reason}): start the database, or check registry_uri, PGPASSWORD "
            "and PGPASSFILE"
        ) from None
    finally:
        engine.dispose()
