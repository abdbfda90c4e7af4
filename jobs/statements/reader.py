"""Walk over the tokens of a statement, and say what was expected where something else stands."""

from __future__ import annotations

from typing import Any

from jobs.statements.scanner import Token, scan
from models.errors import UsageError

_WORD_VALUES = {"TRUE": True, "FALSE": False, "NULL": None}


class Reader:
    """One statement, read from left to right; ``example`` ends each complaint."""

    def __init__(self, statement: str) -> None:
        self.statement = statement
        self.tokens = scan(statement)
        self.position = 0
        self.example = ""

    def _next(self) -> Token | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def _refuse(self, expected: str) -> UsageError:
        token = self._next()
        found = f"found {token.text}" if token else "the statement ends"
        before = self.statement[: token.start if token else len(self.statement)].split()[-3:]
        place = f" after {' '.join(before)}" if before else ""
        example = f"; for example {self.example}" if self.example else ""
        return UsageError(f"expected {expected}{place}, {found}{example}")

    def _advance(self) -> Token:
        self.position += 1
        return self.tokens[self.position - 1]

    def takes(self, *words: str) -> bool:
        """Step over these keywords where they all follow."""
        following = self.tokens[self.position : self.position + len(words)]
        if len(following) < len(words) or not all(t.is_word(w) for t, w in zip(following, words, strict=True)):
            return False
        self.position += len(words)
        return True

    def word(self, *choices: str) -> str:
        """Step over one of the keywords and return it."""
        token = self._next()
        found = next((word for word in choices if token and token.is_word(word)), None)
        if found is None:
            raise self._refuse(" or ".join(choices))
        self.position += 1
        return found

    def takes_symbol(self, symbol: str) -> bool:
        """Step over the character where it follows."""
        token = self._next()
        if token is None or token.kind != "symbol" or token.text != symbol:
            return False
        self.position += 1
        return True

    def symbol(self, symbol: str) -> None:
        """Step over the character."""
        if not self.takes_symbol(symbol):
            raise self._refuse(symbol)

    def name(self, meaning: str) -> str:
        """An identifier, plain or in back-quotes."""
        token = self._next()
        if token is None or token.kind not in ("word", "quoted"):
            raise self._refuse(meaning)
        return self._advance().value()

    def family(self) -> str:
        """A model family: a name, or class paths between bars, as they stand or in quotes."""
        token = self._next()
        if token is not None and token.kind == "text":
            return self._advance().value()
        parts = [self.name("a model family such as ridge")]
        while separator := next((symbol for symbol in (".", "|") if self.takes_symbol(symbol)), None):
            parts += [separator, self.name("the next part of a class path")]
        return "".join(parts)

    def key(self) -> str:
        """The name of an option, also in quotes."""
        token = self._next()
        is_quoted = token is not None and token.kind == "text"
        return self.text("an option") if is_quoted else self.name("the name of an option")

    def text(self, meaning: str) -> str:
        """A literal in quotes."""
        token = self._next()
        if token is None or token.kind != "text":
            raise self._refuse(meaning)
        return self._advance().value()

    def reference(self) -> str:
        """A model: a name, plain or quoted, or in quotes with a version or an alias; also ``name/3`` as it stands."""
        token = self._next()
        if token is not None and token.kind == "text":
            return self._advance().value()
        name = self.name("a model such as m, 'm/3' or 'm@champion'")
        for separator in ("/", "@"):
            if self.takes_symbol(separator):
                following = self._next()
                if following is None:
                    raise self._refuse("a version or an alias")
                return f"{name}{separator}{self._advance().value()}"
        return name

    def literal(self) -> Any:
        """A text, a number, TRUE, FALSE or NULL; a word alone is its text, as in ``split = time``."""
        sign = -1 if self.takes_symbol("-") else 1
        token = self._next()
        if token is None or token.kind not in ("text", "number", "word"):
            raise self._refuse("a value")
        self._advance()
        if token.kind == "number":
            return sign * (int(token.text) if token.text.isdigit() else float(token.text))
        if token.kind == "word":
            return _WORD_VALUES.get(token.text.upper(), token.text)
        return token.value()

    def value(self) -> Any:
        """A literal, or several in brackets as a tuple."""
        if not self.takes_symbol("("):
            return self.literal()
        items = [self.literal()]
        while self.takes_symbol(","):
            items.append(self.literal())
        self.symbol(")")
        return tuple(items)

    def rest(self, meaning: str) -> tuple[str, int]:
        """Everything from here to the end, and where it begins."""
        token = self._next()
        if token is None:
            raise self._refuse(meaning)
        end = self.tokens[-1].end
        self.position = len(self.tokens)
        return self.statement[token.start : end], token.start

    def bracketed(self, meaning: str) -> tuple[str, int]:
        """The text between a bracket and the one that closes it, and where it begins."""
        self.symbol("(")
        first = self._next()
        depth = 1
        while (token := self._next()) is not None:
            self.position += 1
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "symbol" else 0
            if depth == 0 and first is not None and first is not token:
                return self.statement[first.start : token.start].rstrip(), first.start
        raise self._refuse(f"{meaning} in brackets")

    def expressions(self) -> list[tuple[str, str | None]]:
        """The items of a bracketed list, each with the name after AS; a plain column is its own name."""
        self.symbol("(")
        items: list[tuple[str, str | None]] = []
        item: list[Token] = []
        depth = 0
        while (token := self._next()) is not None:
            self.position += 1
            is_end = depth == 0 and token.kind == "symbol" and token.text in ",)"
            if not is_end:
                depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(token.text, 0) if token.kind == "symbol" else 0
                item.append(token)
                continue
            if not item:
                raise self._refuse("an expression")
            items.append(self._named(item))
            item = []
            if token.text == ")":
                return items
        raise self._refuse(")")

    def _named(self, item: list[Token]) -> tuple[str, str | None]:
        if len(item) == 1 and item[0].kind in ("word", "quoted"):
            return item[0].text, item[0].value()
        has_alias = len(item) > 2 and item[-2].is_word("AS") and item[-1].kind in ("word", "quoted")
        last = item[-3] if has_alias else item[-1]
        return self.statement[item[0].start : last.end], item[-1].value() if has_alias else None

    def end(self) -> None:
        """Nothing may follow."""
        if self._next() is not None:
            raise self._refuse("the end of the statement")
