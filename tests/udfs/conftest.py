"""The rows of a query, for the tests of the SQL functions."""

import pytest


@pytest.fixture(scope="session")
def sql(spark):
    """Rows of a query as tuples."""

    def rows(text, **parameters):
        return [tuple(row) for row in spark.sql(text, args=parameters or None).collect()]

    return rows
