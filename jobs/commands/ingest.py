"""foretable ingest."""

from __future__ import annotations

from typing import Any

import click
from pydantic import ValidationError

from jobs.app import App, pass_app
from jobs.sources import FORMATS, Source
from models.errors import NothingToDo, UsageError

_EPILOG = """
Examples:

\b
  foretable ingest                                     the sources of foretable.yml
  foretable ingest data --format coinbase_full --exchange coinbase
  foretable ingest 'logs/*.log.gz' --format bitstamp_log --exchange bitstamp --symbol BTC-USD
  foretable ingest capture --format binance_websocket --exchange binance
  foretable ingest 'ticks/*.csv' --format csv --mapping ticks.yml --exchange my_venue --symbol BTC-USD
  foretable ingest data --format coinbase_full --exchange coinbase --dry-run

Exit code 3: more lines are refused than --max-bad allows, nothing was published; 99: every file is in the ledger.
"""


@click.command(name="ingest", epilog=_EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--format", "format_", type=click.Choice(FORMATS), help="How PATH is written.")
@click.option("--exchange", help="Venue of PATH, lower case.")
@click.option("--symbol", help="Product of PATH, where its lines name none.")
@click.option("--mapping", type=click.Path(exists=True, dir_okay=False), help="YAML that says what the columns are.")
@click.option("--max-bad", type=click.FloatRange(0, 1), help="Share of refused lines to accept. Default 0.01.")
@click.option("--dry-run", is_flag=True, help="Read, check and count, but write nothing.")
@pass_app
def ingest(
    app: App,
    paths: tuple[str, ...],
    format_: str | None,
    exchange: str | None,
    symbol: str | None,
    mapping: str | None,
    max_bad: float | None,
    dry_run: bool,
) -> None:
    """Read files, folders or globs of order events into the tables orders, trades and gaps.

    Every line is accounted for: read = good + quarantined + duplicate + pending. Refused lines go to
    orders__quarantine with code and place. A file that was read before is skipped, so running again is safe.
    """
    given = {"format": format_, "exchange": exchange, "symbol": symbol, "mapping": mapping}
    sources = _named(paths, given) if paths else _configured(app, given)
    limit = app.config.max_bad if max_bad is None else max_bad
    if dry_run:
        app.emit(_try_out(app, sources, limit))
        app.say("dry run: nothing was written")
        return
    from jobs.pipeline import ingest_step

    app.emit(ingest_step(app, sources, limit))


def _try_out(app: App, sources: list[Source], limit: float) -> list[dict[str, Any]]:
    from jobs.ingest import ingest as ingest_source

    summaries = [ingest_source(app.session(), source, limit, "dry run", app.say, is_dry_run=True) for source in sources]
    if all(summary.is_nothing_new for summary in summaries):
        raise NothingToDo("every file is in the ledger already")
    return [file.row() for summary in summaries for file in summary.files]


def _named(paths: tuple[str, ...], given: dict[str, str | None]) -> list[Source]:
    for option in ("format", "exchange"):
        if given[option] is None:
            raise UsageError(f"PATH needs --{option}; without PATH the sources of foretable.yml are read")
    try:
        return [Source.model_validate({"path": path} | given) for path in paths]
    except ValidationError as e:
        error = e.errors()[0]
        place = ".".join(str(part) for part in error["loc"])
        raise UsageError(f"{place + ': ' if place else ''}{error['msg'].removeprefix('Value error, ')}") from e


def _configured(app: App, given: dict[str, str | None]) -> list[Source]:
    if any(given.values()):
        raise UsageError("--format, --exchange and --symbol describe PATH: name one")
    if not app.config.sources:
        raise UsageError("no sources: name a PATH with --format and --exchange, or sources in foretable.yml")
    return list(app.config.sources)
