"""``python -m jobs.prepare``: makes ready, with words, what a first session needs: Java, jars, compiled code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.class_archive import archive_file, make_archive
from jobs.java import find_java_home, java_version
from jobs.session import SessionSettings, spark_conf
from models.errors import ForetableError

Say = Callable[[str], None]
_SECONDS_TO_LOAD = 10  # what was compiled before


def prepare(settings: SessionSettings, say: Say) -> None:
    """Find Java, fetch the Delta jars, compile the extension and keep Spark's classes; says where each is.

    Safe to run again.

    Raises:
        UsageError: no Java that Spark can run on, or another Spark than the pinned one.
        StorageError: the home cannot be written, or a jar is not to be had.
    """
    conf = spark_conf(settings, say)
    java_home = Path(os.environ["JAVA_HOME"])  # set by spark_conf, for Spark's launcher
    say(f"Java {java_version(java_home / 'bin' / 'java')} behind {java_home}")
    class_path = [Path(jar) for jar in conf["spark.driver.extraClassPath"].split(os.pathsep)]
    for jar in class_path:
        say(f"jar {jar}")
    with compiling(say):
        make_archive(archive_file(settings.home / "jars", find_java_home(), class_path), settings.maven_mirror, say)


@contextmanager
def compiling(say: Say) -> Iterator[None]:
    """Compile the passes over books and bars meanwhile; where that fails it is said, and a first run compiles them."""
    with subprocess.Popen([sys.executable, "-m", "jobs.compile_ahead"], stderr=subprocess.PIPE, text=True) as compiler:
        yield
        try:
            _, told = compiler.communicate(timeout=_SECONDS_TO_LOAD)
        except subprocess.TimeoutExpired:
            say("compiling the passes over books and bars (half a minute, once) …")
            _, told = compiler.communicate()
    if compiler.returncode:
        why = (told.strip().splitlines() or ["no word"])[-1]
        say(f"passes over books and bars were not compiled ({why[:200]}): a first run does it")


def main() -> int:
    """Prepare the home that a command would use; 0, or the exit code of the one thing that is missing."""
    from jobs.config import load_config

    try:
        config = load_config(None, {})
        settings = SessionSettings.of(config)
        prepare(settings, lambda text: print(f"prepare: {text}", file=sys.stderr))
    except ForetableError as e:
        print(f"prepare: {e}", file=sys.stderr)
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
