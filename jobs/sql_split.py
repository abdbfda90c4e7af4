"""Cut a script into statements at its semicolons, as spark-sql does: not inside quotes and comments."""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"""
      '(?:[^'\\]|\\.)*(?:'|$)         # text
    | "(?:[^"\\]|\\.)*(?:"|$)
    | `[^`]*(?:`|$)                   # a quoted name
    | --[^\n]*                        # a comment
    | (?P<open>/\*)
    | (?P<end>;)
    | [^'"`;/-]+ | .
    """,
    re.VERBOSE | re.DOTALL,
)
_BRACKET = re.compile(r"/\*|\*/")


def split_statements(script: str) -> tuple[list[str], str]:
    """Statements that a semicolon ended, and the rest.

    Comments stay where they are; a piece of nothing but comments is left out.

    >>> split_statements("SELECT ';' -- one; two\\n; SELECT 2")
    (["SELECT ';' -- one; two"], 'SELECT 2')
    """
    statements: list[str] = []
    start = at = 0
    has_words = False
    while at < len(script):
        match = _PIECE.match(script, at)
        assert match is not None  # the last alternative takes any character
        at = match.end()
        piece = match.group()
        if match["open"]:
            at = _after_bracketed(script, at)
            has_words = has_words or script.startswith("/*+", match.start())  # a hint is no comment
        elif match["end"]:
            if has_words:
                statements.append(script[start : match.start()].strip())
            start, has_words = at, False
        elif not piece.startswith("--") and piece.strip():
            has_words = True
    return statements, script[start:].strip() if has_words else ""


def _after_bracketed(script: str, at: int) -> int:
    """Where a bracketed comment ends; they nest."""
    depth = 1
    while depth:
        mark = _BRACKET.search(script, at)
        if mark is None:
            return len(script)
        depth += 1 if mark.group() == "/*" else -1
        at = mark.end()
    return at
