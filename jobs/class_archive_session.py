"""A session that does what sessions do, so that Java keeps the classes it needed; run by ``jobs.class_archive``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pyspark import SparkContext

from jobs.open_session import open_session
from jobs.session import SessionSettings

_STATEMENTS = (
    "CREATE TABLE kept (k BIGINT, v DOUBLE, t TIMESTAMP) TBLPROPERTIES (delta.enableChangeDataFeed = true)",
    "INSERT INTO kept SELECT id, id / 3, timestamp_seconds(id) FROM range(1000)",
    "MERGE INTO kept USING (SELECT id AS k, 1.0D AS v FROM range(500, 1500)) new ON kept.k = new.k "
    "WHEN MATCHED THEN UPDATE SET v = new.v WHEN NOT MATCHED THEN INSERT (k, v) VALUES (new.k, new.v)",
    "SELECT k % 10 AS g, sum(v), last_value(v) OVER (ORDER BY k % 10) FROM kept GROUP BY k % 10, v ORDER BY g LIMIT 5",
    "SELECT count(*) FROM table_changes('kept', 1)",
    "CREATE VIEW seen AS SELECT k, v FROM kept WHERE v > 1",
    "SELECT a.k FROM seen a JOIN kept b ON a.k = b.k ORDER BY a.k LIMIT 3",
    "DESCRIBE HISTORY kept",
    "SHOW TABLES",
    "SHOW MODELS",
)


def main(home: str, mirror: str, archive: str) -> None:
    """Open a session in an empty home, use it, and wait until Java has written the archive."""
    options = {"spark.driver.extraJavaOptions": f'"-XX:ArchiveClassesAtExit={archive}"', "spark.driver.memory": "1g"}
    spark = open_session(SessionSettings(home=Path(home), maven_mirror=mirror, master="local[2]", spark=options))
    for statement in _STATEMENTS:
        spark.sql(statement).collect()
    spark.range(10).mapInArrow(lambda batches: batches, "id bigint").collect()
    gateway: Any = SparkContext._gateway
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()  # at which the JVM ends by itself
    gateway.proc.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
