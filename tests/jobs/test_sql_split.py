"""Statements of a script, cut by hand."""

import pytest

from jobs.sql_split import split_statements


@pytest.mark.parametrize(
    ("script", "statements", "rest"),
    [
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"], ""),
        ("SELECT 1; SELECT 2", ["SELECT 1"], "SELECT 2"),
        ("SELECT 'a;b', \"c;d\", `e;f`;", ["SELECT 'a;b', \"c;d\", `e;f`"], ""),
        (r"SELECT 'it\'s; fine';", [r"SELECT 'it\'s; fine'"], ""),
        ("SELECT 1 -- it's; a comment\n;", ["SELECT 1 -- it's; a comment"], ""),
        ("SELECT /* a; /* nested; */ b; */ 1;", ["SELECT /* a; /* nested; */ b; */ 1"], ""),
        ("SELECT /*+ BROADCAST(t) */ 1;", ["SELECT /*+ BROADCAST(t) */ 1"], ""),
        ("SELECT 6/2-1;", ["SELECT 6/2-1"], ""),
        ("SELECT 'open; text", [], "SELECT 'open; text"),
        (";; -- nothing\n; /* at; all */ ;", [], ""),
        ("", [], ""),
    ],
)
def test_a_semicolon_ends_a_statement_outside_quotes_and_comments(script, statements, rest):
    assert split_statements(script) == (statements, rest)
