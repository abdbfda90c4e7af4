"""``python -m jobs.prepare``: makes ready, with words, what a first session needs: Java, Delta jars, extension."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from jobs.class_archive import archive_file, make_archive
from jobs.java import find_java_home, java_version
from jobs.session import SessionSettings, spark_conf
from models.errors import ForetableError

Say = Callable[[str], None]


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
    make_archive(archive_file(settings.home / "jars", find_java_home(), class_path), settings.maven_mirror, say)


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
