"""What Spark prints, as the one sentence and exit code that a user gets."""

import pytest

from jobs.spark_errors import from_text
from models.errors import DataContractError, ModelContractError, SafetyError, StorageError, TryAgainError, UsageError

WORKER = """An exception was thrown from the Python worker:
models.errors.DataContractError: predict with m/1 met 2 bad rows
"""
CRASH = """Job aborted due to stage failure: Task 1 in stage 4.0 failed 1 times: org.apache.spark.SparkException: Python
worker exited: Python worker exited unexpectedly (crashed): predict with m/1 ended its worker, which crashed

\tat org.apache.spark.api.python.BasePythonRunner"""


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("[FORETABLE_MODEL] There is no model 'm'.; line 1 pos 7", ModelContractError, "There is no model 'm'."),
        ("[FORETABLE_USAGE] expected USING", UsageError, "expected USING"),
        ("[FORETABLE_REFUSED] m/1 is the champion", SafetyError, "m/1 is the champion"),
        (WORKER, DataContractError, "predict with m/1 met 2 bad rows"),
        (CRASH, ModelContractError, "predict with m/1 ended its worker, which crashed"),
        ("java.io.IOException: No space left on device", StorageError, "the disk is full"),
        (
            "java.io.IOException: /x/part-0.parquet (Read-only file system)",
            StorageError,
            "the disk is mounted read-only",
        ),
        ("java.lang.OutOfMemoryError: Java heap space", TryAgainError, "a worker of Spark died"),
        ("An exception was thrown:\nMemoryError: Unable to allocate", TryAgainError, "a worker of Spark died"),
        ("Python worker exited unexpectedly (crashed)\n\tat org.x", TryAgainError, "a worker of Spark died"),
        ("[DELTA_CONCURRENT_APPEND] x", TryAgainError, "another run changed the table"),
        ("[DIVIDE_BY_ZERO] Division by zero. SQLSTATE: 22012", DataContractError, "Division by zero. (DIVIDE_BY_ZERO)"),
    ],
)
def test_each_kind_of_error_gets_its_sentence_and_class(text, error, sentence):
    known = from_text(text)
    assert type(known) is error
    assert str(known).startswith(sentence)


def test_other_text_is_not_taken_for_an_error():
    assert from_text("java.lang.NullPointerException\n\tat x.y") is None
