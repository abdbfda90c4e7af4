"""Why a line is refused."""

from typing import NamedTuple

from jobs.ingest_codes import CODES


class Refusal(NamedTuple):
    """A code of ``jobs.ingest_codes`` and what it is about, for example ``price = "-1"``; empty if nothing more."""

    code: str
    about: str = ""

    @property
    def reason(self) -> str:
        """One sentence with the field and the remedy."""
        return f"{self.about}: {CODES[self.code]}" if self.about else CODES[self.code]


def shown(value: object) -> str:
    """A value as it may stand in a reason: short and on one line."""
    text = str(value) if not isinstance(value, str) else f'"{value}"'
    text = text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= 60 else text[:57] + "..."
