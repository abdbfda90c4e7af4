"""``foretable lookahead-check``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jobs.app import App, pass_app

if TYPE_CHECKING:
    from jobs.lookahead_report import Checked

_QUERY_TOLERANCE = 1e-12
_LEAK_COLUMNS = ("column", "found_by", "cut", "row", "with_future", "without_future", "rows_changed")


@click.command("lookahead-check", epilog="""\b
Examples:
  foretable lookahead-check
  foretable lookahead-check --seed 7 --cuts 30 --rows 100000
  foretable lookahead-check --query features.sql --source bars --time bar_start --available available_at \\
      --key exchange,symbol,bar_seconds --warm-up 60
  foretable lookahead-check --source trades --time trade_time --key symbol,trade_id --query \\
      "SELECT symbol, trade_id, trade_time, price / lag(price) OVER (PARTITION BY symbol ORDER BY trade_id) FROM trades"

A query reads the table by its plain name, or as IDENTIFIER(:source).""")  # fmt: skip
@click.option("--query", metavar="FILE|SQL", help="Check this query instead of the feature set.")
@click.option("--source", metavar="TABLE", help="Of a query: the table whose history is cut.")
@click.option("--time", metavar="COLUMN", help="Of a query: time of a row, in the table and in the result.")
@click.option("--key", metavar="COLUMNS", help="Of a query: columns that name a row of the result beside its time.")
@click.option("--available", metavar="COLUMN", help="Of a query: when a row is known, where that is not its time.")
@click.option("--warm-up", type=click.IntRange(0), metavar="ROWS",
              help="Of a query: rows of a key after which an earlier start of the table must not matter.")  # fmt: skip
@click.option("--bar-seconds", type=click.IntRange(1, 86_400), metavar="SECONDS",
              help="Width of the bars of the feature set; default: model_bar_seconds.")  # fmt: skip
@click.option("--cuts", default=10, show_default=True, type=click.IntRange(1, 1_000), metavar="N",
              help="Random cuts; those at gaps, borders and missing values come on top.")  # fmt: skip
@click.option("--rows", default=5_000, show_default=True, type=click.IntRange(2), metavar="N",
              help="Most rows of history that are recomputed for each cut, the newest ones.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Of the choice of random cuts.")
@click.option("--tolerance", type=click.FloatRange(0, 0.01), metavar="SHARE",
              help="Up to which share numbers count as equal; default: 0, and 1e-12 for a query.")  # fmt: skip
@pass_app
def lookahead_check(app: App, query: str | None, source: str | None, time: str | None, key: str | None,
                    available: str | None, warm_up: int | None, bar_seconds: int | None, cuts: int, rows: int,
                    seed: int, tolerance: float | None) -> None:  # fmt: skip
    """Prove that features do not look ahead: recompute them on histories whose future is gone, or is noise.

    What was known at a cut must come out equal. Without --query the feature set of the configuration is checked on
    the newest bars, on the way from orders to features, and in the fit of its scales. The exit code is 3 where
    something looks ahead; then the column, a row, its values and the likely cause are told.
    """
    of_query = {"--source": source, "--time": time}
    others = {**of_query, "--key": key, "--available": available, "--warm-up": warm_up}
    if query is None and (given := [name for name, value in others.items() if value is not None]):
        raise click.UsageError(f"{given[0]} tells of a query: give it with --query")
    if query is not None and (missing := [name for name, value in of_query.items() if not value]):
        raise click.UsageError(f"--query needs {missing[0]}")
    if query is not None and bar_seconds is not None:
        raise click.UsageError("--bar-seconds is for the feature set, not for --query")
    text = None if query is None else _query_text(query)
    app.config  # noqa: B018  a wrong configuration is told before Spark starts
    spark = app.session()

    from jobs.lookahead_check import CheckOptions, check_feature_set
    from jobs.lookahead_query_check import QueryRequest, check_query

    if text is None:
        options = CheckOptions(cuts, rows, seed, tolerance or 0.0)
        parts = check_feature_set(spark, app.config, bar_seconds or app.config.model_bar_seconds, options, app.say)
    else:
        names = tuple(name.strip() for name in (key or "").split(",") if name.strip())
        request = QueryRequest(text, str(source), str(time), names, available, warm_up)
        options = CheckOptions(cuts, rows, seed, _QUERY_TOLERANCE if tolerance is None else tolerance)
        parts = check_query(spark, request, options, app.say)
    _tell(app, parts, seed)


def _query_text(query: str) -> str:
    """The text of the file, where there is one of this name, else the SQL itself."""
    is_file = os.path.isfile(query)  # Path.is_file() would fail on a text that is too long for a name
    text = (Path(query).read_text(encoding="utf-8") if is_file else query).strip().removesuffix(";").strip()
    if not is_file and " " not in text:
        raise click.UsageError(f"--query takes SQL or a file, and there is no file {query}")
    return text


def _tell(app: App, parts: list[Checked], seed: int) -> None:
    from jobs.lookahead_report import compared_rows, leak_rows, leak_sentence
    from models.errors import DataContractError

    compared, leaks = compared_rows(parts), leak_rows(parts)
    if app.is_json:
        app.emit({"is_causal": not leaks, "seed": seed, "compared": compared, "leaks": leaks})
    else:
        app.emit(compared)
        if leaks:
            app.emit([{name: leak[name] for name in _LEAK_COLUMNS} for leak in leaks])
    if leaks:
        raise DataContractError(leak_sentence(leaks))
    app.say("nothing looks ahead: every value that was known at a cut came out equal without its future")
