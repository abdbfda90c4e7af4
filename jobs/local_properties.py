"""Properties of the Spark jobs that a block starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def local_properties(spark: SparkSession, values: Mapping[str, str]) -> Iterator[None]:
    """Set properties for the jobs of this thread, and set them back after the block."""
    context = spark.sparkContext
    before = {name: context.getLocalProperty(name) for name in values}
    for name, value in values.items():
        context.setLocalProperty(name, value)
    try:
        yield
    finally:
        with suppress(Exception):  # a session that broke has no properties any more
            for name, old in before.items():
                context.setLocalProperty(name, old)  # type: ignore[arg-type]  # None takes it away


def called_from(place: str, details: str) -> dict[str, str]:
    """What Spark shows as the place in the code that started a job; else it reads its own stack for each of them."""
    return {"callSite.short": place, "callSite.long": details}
