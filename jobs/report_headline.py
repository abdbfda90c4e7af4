"""The first lines of a report: what data, which model, and whether it beats doing nothing."""

from __future__ import annotations

from typing import Any

import pandas as pd

from jobs.naive_predictions import ZERO_CHANGE
from jobs.report_data import EVALUATION_COLUMNS, ReportData
from jobs.report_format import MISSING, Unit, instant, is_missing, number, percent, seconds, text, whole
from jobs.report_numbers import Series


def named(evaluation: pd.DataFrame) -> pd.DataFrame:
    """Evaluation rows with ``name``: ``model/version``, a baseline by its own name; the first of equal names."""
    names = [r.model if is_missing(r.version) else f"{r.model}/{int(r.version)}" for r in evaluation.itertuples()]
    numbers = {column: pd.to_numeric(evaluation[column]) for column in EVALUATION_COLUMNS[1:]}
    name = pd.Series(names, index=evaluation.index, dtype=object)
    return evaluation.assign(**numbers, name=name).drop_duplicates("name")


def verdict(evaluation: pd.DataFrame, best: Series | None, unit: Unit) -> tuple[str, str]:
    """One honest sentence about the champion, and its kind: better, worse or none.

    The sentence claims a difference only where the 95 % interval excludes zero.
    """
    if best is None:
        return "No model is the champion yet, so there is nothing to judge.", "none"
    rows = named(evaluation).set_index("name")
    if best.name not in rows.index or is_missing(rows.loc[best.name, "difference_lower"]):
        return f"{best.name} has not been compared with zero change on held-out time.", "none"
    row: Any = rows.loc[best.name]
    scale = unit.scale**2
    low, high = row["difference_lower"], row["difference_upper"]
    difference = f"{number(row['mse_difference'] * scale, 3)} {unit.squared}".rstrip()
    interval = f"{number(low * scale, 3)} to {number(high * scale, 3)} {unit.squared}".rstrip()
    measured = (
        f"mean squared error minus that of zero change: {difference}{_relative(row, rows)}, "
        f"95 % block-bootstrap interval {interval}, {whole(row['n'])} predictions"
    )
    if low <= 0 <= high:
        claim = (
            f"There is no evidence of skill: on held-out time {best.name} cannot be told from predicting zero change"
        )
        return f"{claim} (the interval includes zero; {measured}).", "none"
    claim = "beats" if high < 0 else "is worse than"
    kind = "better" if high < 0 else "worse"
    return f"On held-out time {best.name} {claim} always predicting zero change ({measured}).", kind


def _relative(row: Any, rows: pd.DataFrame) -> str:
    if ZERO_CHANGE not in rows.index or not rows.loc[ZERO_CHANGE, "mse"]:
        return ""
    return f" ({percent(row['mse_difference'] / rows.loc[ZERO_CHANGE, 'mse'], 2)})"


def facts(data: ReportData, best: Series | None) -> list[tuple[str, str]]:
    """Name and HTML text of the facts in the headline."""
    coverage = data.coverage
    if coverage.empty:
        return [("champion", text(best.name if best else None))]
    width = ", ".join(seconds(n) for n in sorted(coverage["bar_seconds"].unique()))
    n_held_out = coverage["n_bars"].sum() - coverage["n_training"].sum()
    return [
        ("exchange", text(_some(coverage["exchange"]))),
        ("symbols", text(_some(coverage["symbol"]))),
        ("from (UTC)", text(instant(coverage["first_bar_start"].min()))),
        ("to (UTC)", text(instant(coverage["last_bar_start"].max()))),
        ("bars", f"{whole(coverage['n_bars'].sum())} of {text(width)}"),
        ("of these held out", whole(n_held_out)),
        ("label", text(data.label)),
        ("champion", text(best.name if best else None)),
    ]


def _some(names: pd.Series) -> str:
    distinct = sorted(map(str, names.unique()))
    rest = f" and {len(distinct) - 4} more" if len(distinct) > 4 else ""
    return (", ".join(distinct[:4]) + rest) or MISSING
