"""The tables of a report as HTML text; everything that comes from data is escaped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from jobs.report_format import Unit, fixed, instant, is_missing, number, percent, seconds, text, whole
from jobs.report_numbers import Floats, feature_summary, histograms

Cell = tuple[str, Any]  # HTML text, and the value to sort by


def table(heads: Sequence[str], rows: Sequence[Sequence[Cell]], is_sortable: bool = False, marked: int = -1) -> str:
    """An HTML table.

    Args:
        heads: Column headings, plain text.
        rows: A cell is HTML text and the value to sort by; numbers are set to the right.
        is_sortable: Whether a click on a heading sorts.
        marked: Row to emphasize.
    """
    head = "".join(f"<th scope=col>{_head(name, is_sortable)}</th>" for name in heads)
    body = "".join(
        f"<tr{' class=marked' if i == marked else ''}>{''.join(_cell(*cell) for cell in row)}</tr>"
        for i, row in enumerate(rows)
    )
    kind = " class=sortable" if is_sortable else ""
    return f"<div class=wide><table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _head(name: str, is_sortable: bool) -> str:
    return f"<button type=button>{text(name)}</button>" if is_sortable else text(name)


def _cell(html: str, value: Any) -> str:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    order = "" if is_missing(value) else text(f"{float(value):.9g}" if is_number else value)
    return f'<td{" class=number" if is_number else ""} data-order="{order}">{html}</td>'


def _words(value: Any) -> Cell:
    return text(value), None if is_missing(value) else str(value)


def _count(value: Any) -> Cell:
    return whole(value), float("nan") if is_missing(value) else int(value)


def _value(value: Any, shown: str) -> Cell:
    return shown, float("nan") if is_missing(value) else float(value)


def coverage_table(coverage: pd.DataFrame) -> str:
    """What data: a row per exchange, symbol and bar width."""
    rows = [
        [_words(r.exchange), _words(r.symbol), _words(seconds(r.bar_seconds)), _count(r.n_bars), _count(r.n_training),
         _count(r.n_bars - r.n_training), _words(instant(r.first_bar_start)), _words(instant(r.last_bar_start))]
        for r in coverage.itertuples()
    ]  # fmt: skip
    heads = ["exchange", "symbol", "bar", "bars", "training", "held out", "first bar (UTC)", "last bar (UTC)"]
    return table(heads, rows)


def feature_table(features: pd.DataFrame) -> str:
    """A sortable row per feature with its numbers and the shape of its distribution."""
    is_training = features["is_training"].to_numpy(dtype=bool)
    rows: list[list[Cell]] = []
    for r in feature_summary(features).to_dict("records"):
        values = pd.to_numeric(features[r["feature"]]).to_numpy(dtype=float)
        numbers = [_value(r[name], number(r[name])) for name in ("mean", "sd", "min", "median", "max")]
        correlations = [_value(r[f"correlation_{part}"], fixed(r[f"correlation_{part}"], 3))
                        for part in ("training", "held_out")]  # fmt: skip
        shares = [_count(r["n"]), _value(r["share_null"], percent(r["share_null"]))]
        shape = (distribution(values, is_training), None)
        rows.append([_words(r["feature"]), shape, *shares, *numbers, *correlations])
    heads = ["feature", "distribution", "n", "NULL", "mean", "sd", "min", "median", "max",
             "correlation, training", "correlation, held out"]  # fmt: skip
    return table(heads, rows, is_sortable=True)


def distribution(values: Floats, is_training: NDArray[np.bool_]) -> str:
    """Histogram as a small SVG: training time filled, held-out time as a line; each part adds up to one."""
    training, held_out = histograms(values, is_training)
    top = max(training.max(), held_out.max())
    if top == 0:
        return text(None)
    width, height = 4, 30
    bars = "".join(
        f'<rect x="{i * width}" y="{height * (1 - share / top):.1f}" width="{width - 0.5}" '
        f'height="{height * share / top:.1f}"/>'
        for i, share in enumerate(training)
        if share
    )
    line = " ".join(
        f"{x:g},{height * (1 - share / top):.1f}"
        for i, share in enumerate(held_out)
        for x in (i * width, (i + 1) * width)
    )
    shape = f'<polyline points="{line}"/>' if held_out.any() else ""
    box = f"-1 -2 {len(training) * width + 2} {height + 3}"
    label = "distribution: training filled, held out as a line"
    return f'<svg class=distribution viewBox="{box}" role=img aria-label="{label}">{bars}{shape}</svg>'


def evaluation_table(evaluation: pd.DataFrame, champion_name: str | None, unit: Unit) -> str:
    """Errors and scores of each model version and of the baselines, with the difference to zero change."""
    squared = f", {unit.squared}" if unit.name else ""
    plain = f", {unit.name}" if unit.name else ""
    rows: list[list[Cell]] = []
    for r in evaluation.itertuples():
        rows.append([
            _words(r.name), _count(r.n), *(_value(v, number(v * unit.scale**2)) for v in [r.mse]),
            *(_value(v, number(v * unit.scale)) for v in [r.rmse, r.mae]), _value(r.r2, fixed(r.r2, 4)),
            _value(r.directional_accuracy, percent(r.directional_accuracy)),
            _value(r.information_coefficient, fixed(r.information_coefficient, 3)),
            _value(r.mse_difference, _difference(r, unit)),
        ])  # fmt: skip
    heads = ["model", "n", f"MSE{squared}", f"RMSE{plain}", f"MAE{plain}", "R²", "direction right",
             "information coefficient", f"MSE minus zero change (95 % interval){squared}"]  # fmt: skip
    names = list(evaluation["name"])
    return table(heads, rows, is_sortable=True, marked=names.index(champion_name) if champion_name in names else -1)


def _difference(row: Any, unit: Unit) -> str:
    if is_missing(row.mse_difference):
        return text(None)
    scale = unit.scale**2
    ends = [] if is_missing(row.difference_lower) else [row.difference_lower, row.difference_upper]
    interval = f" ({' to '.join(number(end * scale, 3) for end in ends)})" if ends else ""
    return f"{number(row.mse_difference * scale, 3)}{interval}"


def model_table(models: pd.DataFrame) -> str:
    """Registered versions: family, parameters, digest and data versions."""
    rows = [
        [_words(f"{r.model}/{r.version}" + (" ★ champion" if r.is_champion else "")), _words(r.family),
         (_json(r.parameters), None), (f"<code>{text(r.digest)}</code>", str(r.digest)), (_json(r.data_versions), None)]
        for r in models.itertuples()
    ]  # fmt: skip
    return table(["model", "family", "parameters", "digest (SHA-256)", "data versions"], rows)


def _json(value: Any) -> str:
    """``key value`` pairs of a JSON object; other text as it is."""
    if is_missing(value):
        return text(None)
    try:
        parsed = json.loads(value)
    except ValueError:
        return text(value)
    if not isinstance(parsed, dict):
        return text(value)
    shown = {key: one if isinstance(one, str) else json.dumps(one) for key, one in parsed.items()}
    pairs = (f"<dt>{text(key)}</dt><dd>{text(one)}</dd>" for key, one in shown.items())
    return f"<dl>{''.join(pairs)}</dl>"


def accounting_table(accounting: pd.DataFrame) -> str:
    """Row accounting: a row per file, and the sum where there are several."""
    names = ["n_read", "n_good", "n_quarantined", "n_duplicate", "n_pending"]
    rows = [
        [_words(r["source_file"]), *(_count(r[name]) for name in names), _balance(r)]
        for r in accounting.to_dict("records")
    ]
    if len(rows) > 1:
        total = {name: int(accounting[name].sum()) for name in names}
        rows.append([_words("all files"), *(_count(total[name]) for name in names), _balance(total)])
    heads = ["file", "read", "good", "quarantined", "duplicate", "pending", "read = sum of the rest"]
    return table(heads, rows, marked=len(rows) - 1 if len(accounting) > 1 else -1)


def _balance(row: Any) -> Cell:
    left = row["n_read"] - row["n_good"] - row["n_quarantined"] - row["n_duplicate"] - row["n_pending"]
    return ("yes", "yes") if left == 0 else (f"<strong>no, {whole(left)} unaccounted</strong>", "no")
