"""dbt with Foretable's functions: opens the session first, then does what ``dbt`` would with the same arguments.

Run it in the folder of foretable.yml, or with FORETABLE_HOME set, in an environment that holds foretable and dbt-spark:
``python examples/dbt/run_dbt.py build --vars 'model: ridge_5m'``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent


def main(arguments: list[str]) -> int:
    """Run one dbt command; 0 where it went well, 1 where a model or test failed, 2 where dbt itself did."""
    from dbt.cli.main import dbtRunner

    from jobs.config import load_config
    from jobs.open_session import open_session
    from jobs.session import SessionSettings

    config = load_config(None, {})
    os.environ.setdefault("DBT_PROJECT_DIR", str(PROJECT))
    os.environ.setdefault("DBT_PROFILES_DIR", str(PROJECT))
    os.environ.setdefault("DBT_TARGET_PATH", str(config.home / "dbt"))
    os.environ.setdefault("DBT_LOG_PATH", str(config.home / "logs"))
    spark = open_session(SessionSettings.of(config))
    try:
        outcome = dbtRunner().invoke(arguments)
    finally:
        spark.stop()
    if outcome.exception is not None:
        print(f"dbt: {outcome.exception}", file=sys.stderr)
        return 2
    return 0 if outcome.success else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
