"""Run by the tests as a process of its own: one process cannot hold a classic and a remote session.

Reads a JSON object with ``sql`` a line, answers one with ``rows`` (values as text, null for NULL) or ``error``.
"""

import json
import logging
import sys

from pyspark.errors import PySparkException
from pyspark.sql.connect.session import SparkSession


def main(url):
    logging.disable(logging.CRITICAL)  # PySpark logs a failed query as one line of JSON
    spark = SparkSession.builder.remote(url).getOrCreate()
    for line in sys.stdin:
        try:
            rows = spark.sql(json.loads(line)["sql"]).collect()
            answer = {"rows": [[None if value is None else str(value) for value in row] for row in rows]}
        except PySparkException as e:
            answer = {"error": str(e)}
        print(json.dumps(answer), flush=True)
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1])
