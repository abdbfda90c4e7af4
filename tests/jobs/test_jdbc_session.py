"""Numbers as Java writes them: values from the documentation of Double.toString and Float.toString."""

import struct

import pytest

from jobs.jdbc_session import java_text, server_error
from models.errors import DataContractError, ModelContractError, UsageError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"), (-0.0, "-0.0"), (1.0, "1.0"), (0.001, "0.001"), (0.00099, "9.9E-4"), (9999999.0, "9999999.0"),
        (1e7, "1.0E7"), (-12345678.5, "-1.23456785E7"), (1.7976931348623157e308, "1.7976931348623157E308"),
        (float("nan"), "NaN"), (float("inf"), "Infinity"), (float("-inf"), "-Infinity"),
    ],
)  # fmt: skip
def test_a_double_is_plain_from_a_thousandth_to_ten_million_else_scientific(value, text):
    assert java_text(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.1, "0.1"), (3.4028235e38, "3.4028235E38"), (1.17549435e-38, "1.17549435E-38")]
)
def test_a_float_has_the_digits_that_tell_it_from_its_neighbours(value, text):
    (single,) = struct.unpack(">f", struct.pack(">f", value))
    assert struct.pack(">f", float(java_text(single, is_float=True))) == struct.pack(">f", value)
    assert len(java_text(single, is_float=True)) <= len(text)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "org.apache.hive.service.cli.HiveSQLException: Error running query: [_LEGACY_ERROR_TEMP_3100] "
            "org.apache.spark.sql.AnalysisException: [FORETABLE_MODEL] There is no model 'x'; line 1 pos 7\n\tat a.b(C)",
            ModelContractError,
            "There is no model 'x'",
        ),
        (
            "org.apache.hive.service.cli.HiveSQLException: Error running query: [PARSE_SYNTAX_ERROR] "
            "org.apache.spark.sql.catalyst.parser.ParseException: \n[PARSE_SYNTAX_ERROR] Syntax error. SQLSTATE: 42601",
            UsageError,
            "SQL: Syntax error.",
        ),
        (
            "java.lang.Broken: why\n\tat a.b(C)",
            DataContractError,
            "the server refused the statement: java.lang.Broken: why",
        ),
    ],
)
def test_an_error_of_the_server_is_told_without_what_is_wrapped_around_it(text, error, message):
    found = server_error(text)
    assert type(found) is error
    assert str(found) == message
