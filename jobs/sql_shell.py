"""The real spark-sql shell on a Foretable session.

``foretable sql`` starts spark-submit, which runs jobs/shell/start.py; without -e or -f it becomes that process, so that
the terminal belongs to the JVM and line editing, history and Ctrl-C are those of spark-sql.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.spark_errors import from_text
from models.errors import DataContractError

if TYPE_CHECKING:
    from jobs.session import SessionSettings

ENVIRONMENT_KEY = "FORETABLE_SHELL"
START = Path(__file__).parent / "shell" / "start.py"


def exec_shell(settings: SessionSettings, arguments: Sequence[str]) -> None:
    """Become the interactive shell; never returns.

    Args:
        settings: Session to open.
        arguments: Those of spark-sql, for example ``("--hivevar", "day=2024-01-02")``.
    """
    command, environment = _launch(settings, arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, environment)


def run_statements(settings: SessionSettings, arguments: Sequence[str], say: Callable[[str], None]) -> None:
    """Run the shell with ``-e`` or ``-f`` as a child: rows go to stdout, an error comes back as one sentence.

    Raises:
        ForetableError: a statement failed; those before it stay done.
    """
    command, environment = _launch(settings, arguments)
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, errors="replace") as shell:
        assert shell.stderr is not None
        try:
            complaint = _pass_on(shell.stderr, say)
            code = shell.wait()
        except KeyboardInterrupt:
            shell.wait()  # the terminal sent Ctrl-C to the shell too, which cancels its query and ends
            raise
    if code:
        known = from_text(complaint)
        raise known or DataContractError(f"the shell ended with {code}: {complaint.strip()[:300]}")


def _pass_on(lines: Iterable[str], say: Callable[[str], None]) -> str:
    """Say each line as it comes; from the first error on keep them back, and return them."""
    complaint = ""
    for line in lines:
        if complaint or line.startswith("[") or line.startswith("Error"):
            complaint += line
        elif line.strip() and not line.startswith("Spark master:"):
            say(line.rstrip())
    return complaint


def _launch(settings: SessionSettings, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Command line and environment of spark-submit."""
    import pyspark

    from jobs.session import spark_conf

    conf = spark_conf(settings)
    properties = settings.home / "tmp" / f"sql-{os.getpid()}.conf"
    properties.write_text("".join(f"{name} {value}\n" for name, value in conf.items()))
    given = {**asdict(settings), "home": str(settings.home)}
    environment = {
        **os.environ,
        ENVIRONMENT_KEY: json.dumps({"settings": given, "properties": str(properties)}),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "TZ": "UTC",
    }
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    return [str(submit), "--properties-file", str(properties), str(START), *arguments], environment
