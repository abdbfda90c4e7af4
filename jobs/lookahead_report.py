"""What a look-ahead check found, for people and as rows: what was compared, and each leak with its likely cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jobs.lookahead_compare import Outcome
from jobs.lookahead_instants import instant_text
from models.row_differences import ROW, Change

_MOST_OF_THE_PAST = 0.2  # a leak that reaches further back than this share of the rows comes from all of them
_FEW_ROWS = 5  # so few say nothing of that
_WORDS = {
    "truncated": ("looks ahead", "the rows after {cut}", "them gone"),
    "noise": ("looks ahead", "the rows after {cut}", "noise in their place"),
    "start": ("depends on how early history starts", "all rows", "those from {cut} on"),
}


@dataclass(frozen=True)
class Checked:
    """One thing that was checked: its name, what came of it, and whether its instants are times."""

    name: str
    outcomes: Sequence[Outcome]
    is_clock: bool = True


def compared_rows(parts: Sequence[Checked]) -> list[dict[str, Any]]:
    """A row for each test and kind of cut: cuts, compared rows and columns, leaking columns."""
    rows = []
    for part in parts:
        kinds = dict.fromkeys((one.version.test, one.version.cut.place) for one in part.outcomes)
        for test, place in kinds:
            own = [one for one in part.outcomes if (one.version.test, one.version.cut.place) == (test, place)]
            rows.append(
                {
                    "checked": part.name,
                    "test": test,
                    "at": place,
                    "cuts": len({one.version.cut.instant for one in own}),
                    "rows": sum(one.n_rows for one in own),
                    "columns": max(one.n_columns for one in own),
                    "leaks": len({change.column for one in own for change in one.changes}),
                }
            )
    return rows


def leak_rows(parts: Sequence[Checked]) -> list[dict[str, Any]]:
    """A row for each leaking column: the tests that found it, and the example of the cut that changed least."""
    rows = []
    for part in parts:
        found = [(one, change) for one in part.outcomes for change in one.changes]
        for column in dict.fromkeys(change.column for _, change in found):
            own = [(one, change) for one, change in found if change.column == column]
            tests = list(dict.fromkeys(one.version.test for one, _ in own))
            one, change = min((pair for pair in own if pair[0].version.test == tests[0]), key=_share)
            rows.append(
                {
                    "checked": part.name,
                    "column": column,
                    "found_by": ", ".join(tests),
                    "row": " ".join(f"{name}={value_text(value)}" for name, value in change.key.items()),
                    "cut": instant_text(one.version.cut.instant, part.is_clock),
                    "with_future": value_text(change.before),
                    "without_future": value_text(change.after),
                    "rows_changed": change.n_rows,
                    "rows_compared": one.n_rows,
                    "cause": likely_cause(one, change, _reaches_far(own)),
                }
            )
    return rows


def leak_sentence(leaks: Sequence[dict[str, Any]]) -> str:
    """The first leak in one sentence, with how many more there are."""
    first = leaks[0]
    more = f" ({len(leaks) - 1} more above)" if len(leaks) > 1 else ""
    test = first["found_by"].split(",")[0]
    says, whole, other = _WORDS[test]
    return (
        f"{first['column']} {says}: at {first['row']} it is {first['with_future']} with {whole.format(**first)} and "
        f"{first['without_future']} with {other.format(**first)}; {first['cause']}{more}"
    )


def likely_cause(outcome: Outcome, change: Change, reaches_far: bool) -> str:
    """What usually does this, and the remedy; a guess from which rows changed, and how."""
    if outcome.version.test == "start":
        return (
            "it depends on rows before the declared warm-up: use a bounded window, or declare a longer one (--warm-up)"
        )
    if outcome.version.cut.place == "train_end":
        return "the scale is fitted on rows after the end of training time: fit it on training rows only"
    if change.column == ROW and change.after == "there":
        return "later rows make it vanish, as where only the last row of a day is kept: keep a row once it is known"
    if change.column == ROW:
        return (
            "the row is there only once later rows are, as with WHERE lead(…) IS NOT NULL or a join to later rows: "
            "drop that condition"
        )
    if reaches_far:
        return (
            "a value over all rows, such as a global mean, deviation, minimum, maximum, rank or quantile, is likely: "
            "end the window at the row (ROWS … CURRENT ROW), or fit it on training time"
        )
    if change.after is None and outcome.version.test == "truncated":
        return (
            "it comes from later rows (lead, a backfill, interpolation): take earlier rows, "
            "for example last_value(…) IGNORE NULLS"
        )
    return (
        "it reads rows after its own time, as lead, a centred window or a bucket labelled by its start do: end the "
        "window at CURRENT ROW, and label a bucket by its end"
    )


def _reaches_far(found: Sequence[tuple[Outcome, Change]]) -> bool:
    """Whether rows long before some cut changed."""
    return any(change.n_rows > max(_FEW_ROWS, _MOST_OF_THE_PAST * outcome.n_rows) for outcome, change in found)


def _share(found: tuple[Outcome, Change]) -> float:
    """Share of the compared rows that changed."""
    outcome, change = found
    return change.n_rows / max(outcome.n_rows, 1)


def value_text(value: Any) -> str:
    """A value for people: NULL by its name, a time without its zone."""
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return repr(value)
    return str(value).removesuffix("+00:00")
