"""Reading model statements, without Spark."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.statements.grammar import (
    CreateModel,
    DescribeModel,
    DropModel,
    EvaluateModel,
    ExplainPredict,
    ExportModel,
    RenameModel,
    SetAlias,
    ShowModels,
    ShowVersions,
    UnsetAlias,
    read_statement,
)
from jobs.statements.scanner import scan
from models.errors import UsageError


def test_an_option_may_hold_several_values():
    text = "CREATE MODEL m USING ridge OPTIONS (label = ('y''s', z, -2), alpha = (1)) AS SELECT 1"
    assert read_statement(text).options == {"label": ("y's", "z", -2), "alpha": (1,)}
    for wrong in ("()", "('y', )", "('y' 'z')", "(('y'))", "('y'"):
        with pytest.raises(UsageError):
            read_statement(f"CREATE MODEL m USING ridge OPTIONS (label = {wrong}) AS SELECT 1")


def test_a_whole_create_model():
    text = """CREATE OR REPLACE MODEL `my model` USING ridge -- the family
    TRANSFORM (ln(a / b) AS r, "x, y" || ')' AS text, c, struct(1, (2)) AS s)
    OPTIONS (label = 'y''s', alpha = 1e-3, n = -2, positive = TRUE, max_iter = NULL, split = .25)
    AS SELECT ';' AS q, /* AS */ a FROM t WHERE a = ':x' ; -- end"""
    read = read_statement(text)
    assert (read.name, read.family, read.is_replacing, read.is_optional) == ("my model", "ridge", True, False)
    assert read.transform == (("r", "ln(a / b)"), ("text", "\"x, y\" || ')'"), ("c", "c"), ("s", "struct(1, (2))"))
    assert read.options == {
        "label": "y's", "alpha": 0.001, "n": -2, "positive": True, "max_iter": None, "split": 0.25,
    }  # fmt: skip
    assert read.query == "SELECT ';' AS q, /* AS */ a FROM t WHERE a = ':x'"
    assert text[read.query_at :].startswith("SELECT ';'")


@pytest.mark.parametrize(
    "family", ["sklearn.svm.SVR", "sklearn.preprocessing.RobustScaler | sklearn.svm.SVR", "'sklearn.svm.SVR'", "a|b.c"]
)
def test_a_family_may_be_a_class_path_or_several(family):
    read = read_statement(f"CREATE MODEL m USING {family} OPTIONS (label = 'y') AS SELECT 1 AS y")
    assert read.family == family.strip("'").replace(" ", "")
    assert read.options == {"label": "y"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("show models", ShowModels()),
        ("SHOW MODELS LIKE 'ridge*';", ShowModels("ridge*")),
        ("SHOW VERSIONS IN MODEL m", ShowVersions("m")),
        ("DESC MODEL m", DescribeModel("m")),
        ("DESCRIBE MODEL 'm@champion'", DescribeModel("m@champion")),
        ("DESCRIBE MODEL m/3", DescribeModel("m/3")),
        ("DROP MODEL IF EXISTS m", DropModel("m", True)),
        ("DROP MODEL 'm/2'", DropModel("m/2", False)),
        ("ALTER MODEL m SET ALIAS champion = 3", SetAlias("m", "champion", 3)),
        ("ALTER MODEL m UNSET ALIAS old", UnsetAlias("m", "old")),
        ("ALTER MODEL IF EXISTS m RENAME TO n", RenameModel("m", "n", True)),
        ("DESCRIBE MODEL EXTENDED m", DescribeModel("m")),
        ("ALTER MODEL m RENAME TO `n`", RenameModel("m", "n")),
        ("EVALUATE MODEL m ON ((SELECT (1)))", EvaluateModel("m", "(SELECT (1))", 21)),
        ("EXPORT MODEL m@champion TO '/tmp/x' FORMAT SQL", ExportModel("m@champion", "/tmp/x", "sql")),
        ("EXPLAIN PREDICT SELECT 1;", ExplainPredict("SELECT 1", 16)),
        ("CREATE MODEL IF NOT EXISTS m USING f AS SELECT 1", CreateModel("m", "f", "SELECT 1", 40, is_optional=True)),
    ],
)
def test_every_statement_is_read(text, expected):
    assert read_statement(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "CREATE MODEL m OPTIONS (a = 1) AS SELECT 1",
            "expected USING after CREATE MODEL m, found OPTIONS; for example CREATE",
        ),
        ("CREATE MODEL m USING ridge OPTIONS (label y) AS SELECT 1", "expected = after ridge OPTIONS (label, found y"),
        ("CREATE MODEL m USING ridge OPTIONS (label = 'y', label = 'z') AS SELECT 1", "option label is given twice"),
        ("CREATE MODEL m USING ridge TRANSFORM (a + b) AS SELECT 1", "a + b has no name: write a + b AS name"),
        ("CREATE MODEL m USING ridge TRANSFORM (a AS x, b AS X) AS SELECT 1", "TRANSFORM names x twice"),
        ("CREATE MODEL m USING ridge TRANSFORM (a AS x", "expected )"),
        ("CREATE MODEL m USING ridge AS", "expected a query"),
        ("CREATE OR REPLACE MODEL IF NOT EXISTS m USING r AS SELECT 1", "exclude each other"),
        ("ALTER MODEL m SET ALIAS champion = 'three'", "points to the number of a version, got 'three'"),
        ("EVALUATE MODEL m ON (SELECT 1", "expected a query in brackets"),
        ("EXPORT MODEL m TO /tmp/x", "expected a path in quotes after MODEL m TO, found /"),
        ("DROP MODEL m n", "expected the end of the statement after DROP MODEL m, found n"),
        ("SHOW MODELS LIKE 'a", "a ' is not closed at character 18"),
    ],
)
def test_a_mistake_is_named_with_what_was_expected(text, sentence):
    with pytest.raises(UsageError, match=re.escape(sentence)):
        read_statement(text)


@given(st.text(alphabet="aA1 '\"`;-/*(),=.\n\\", max_size=40))
def test_any_text_is_read_or_refused_in_one_sentence(tail):
    with contextlib.suppress(UsageError):
        assert read_statement("CREATE MODEL m " + tail).name == "m"


@given(st.text(max_size=20))
def test_a_text_literal_is_what_was_quoted(content):
    quoted = "'" + content.replace("\\", "\\\\").replace("'", "''") + "'"
    (token,) = scan(quoted)
    assert token.value() == content
