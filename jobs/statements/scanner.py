"""Cut the text of a statement into tokens; comments and blanks fall away, each token knows where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from models.errors import UsageError

Kind = Literal["word", "quoted", "text", "number", "symbol"]
_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<text>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*")
      | (?P<quoted>`(?:[^`]|``)*`)
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
      | (?P<word>\w+)
      | (?P<symbol>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Token:
    """A piece of a statement.

    Attributes:
        kind: word, quoted (an identifier in back-quotes), text (a literal), number or symbol (one character).
        text: As it stands in the statement.
        start: Where it begins.
        end: Where the next character stands.
    """

    kind: Kind
    text: str
    start: int
    end: int

    def is_word(self, word: str) -> bool:
        """Whether it is this keyword, whatever its case."""
        return self.kind == "word" and self.text.upper() == word

    def value(self) -> str:
        """The name of an identifier or the content of a literal, unquoted."""
        if self.kind == "quoted":
            return self.text[1:-1].replace("``", "`")
        if self.kind == "text":
            quote = self.text[0]
            return re.sub(r"\\(.)|" + quote * 2, lambda m: m[1] or quote, self.text[1:-1], flags=re.DOTALL)
        return self.text


def scan(statement: str) -> list[Token]:
    """The tokens of a statement, without semicolons at its end.

    Raises:
        UsageError: a literal or quoted name is not closed.
    """
    tokens = [
        Token(match.lastgroup, match.group(), match.start(), match.end())  # type: ignore[arg-type]
        for match in _TOKEN.finditer(statement)
        if match.lastgroup != "space"
    ]
    for token in tokens:
        if token.kind == "symbol" and token.text in "'\"`":
            raise UsageError(f"a {token.text} is not closed at character {token.start + 1}")
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    return tokens
