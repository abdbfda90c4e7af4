"""What a session needs beyond a laptop's settings once the executors are processes, or machines, of their own."""

from __future__ import annotations

import atexit
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from jobs.serve_address import is_loopback

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_LOCAL = re.compile(r"local(\[.*\])?")


def is_cluster(master: str) -> bool:
    """Whether the executors are processes of their own: every master but ``local`` and ``local[…]``.

    >>> [is_cluster(master) for master in ("local[*]", "local", "spark://a:7077", "yarn", "local-cluster[2,1,1024]")]
    [False, False, True, True, True]
    """
    return _LOCAL.fullmatch(master) is None


def cluster_conf(master: str, home: Path, warehouse: Path) -> dict[str, str]:
    """Settings for a cluster; what depends on its machines (memory, cores, Python, partitions) stays with its owner."""
    conf = {
        # The home is a folder that all machines see: named as such, since the default file system may be another one.
        # Not as_uri(): Hadoop takes %20 for three letters of a name.
        "spark.sql.warehouse.dir": f"file://{warehouse}",
        "spark.checkpoint.dir": f"file://{home}/tmp/checkpoints",
        "spark.cleaner.referenceTracking.cleanCheckpoints": "true",
        "spark.executor.extraJavaOptions": "-Duser.timezone=UTC",
        "spark.executorEnv.TZ": "UTC",
    }
    if is_loopback(urlparse(master).hostname or ""):
        conf |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return conf


def forget_checkpoints_at_exit(spark: SparkSession) -> None:
    """Delete the settled rows of this session (``jobs/settled_rows.py``) when the process ends; Spark leaves them."""
    address = spark.sparkContext.getCheckpointDir() or ""
    if address.startswith("file:"):
        atexit.register(shutil.rmtree, re.sub("^file:/+", "/", address), ignore_errors=True)
