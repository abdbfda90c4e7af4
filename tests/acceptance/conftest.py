"""What the acceptance suites share: a schema of their own for each module, statements, and models that go at the end."""

import itertools

import pandas as pd
import pytest
from pyspark.errors import AnalysisException

_numbers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def acceptance_schema(registry, schema_copy, request):
    """A current schema with the registry's views; every model whose name begins with the module's PREFIX goes after it."""
    prefix = request.module.PREFIX
    with schema_copy(f"{prefix}{next(_numbers)}") as name:
        yield name
    for model in registry.list_models():
        if model.startswith(prefix):
            registry.delete_model(model)


@pytest.fixture(scope="module")
def run(spark):
    """Rows of a statement."""
    return lambda text, **parameters: spark.sql(text, args=parameters or None).collect()


@pytest.fixture(scope="module")
def refusal(run):
    """The message with which a statement is refused: one sentence, no stack trace."""

    def of(text):
        with pytest.raises(AnalysisException) as caught:
            run(text)
        message = str(caught.value)
        assert "\tat " not in message
        assert "Traceback" not in message
        return message

    return of


@pytest.fixture(scope="module")
def save(spark, acceptance_schema):
    """Save a pandas frame as a table, its rows numbered from 0 in the column ``row``."""

    def table(name, frame, **types):
        frame = pd.DataFrame(frame)
        frame = frame.assign(row=range(len(frame)))
        rows = spark.createDataFrame(frame)
        for column, type_ in types.items():
            rows = rows.withColumn(column, rows[column].cast(type_))
        has_blanks = any(" " in column for column in frame.columns)  # which Delta stores only under other names
        rows.write.option("delta.columnMapping.mode", "name" if has_blanks else "none").saveAsTable(name)
        return frame

    return table


@pytest.fixture
def fresh(registry, request):
    """A name that no other test has, below the module's PREFIX; the model is gone afterwards."""
    name = f"{request.module.PREFIX}fresh_{next(_numbers)}"
    yield name
    if name in registry.list_models():
        registry.delete_model(name)
