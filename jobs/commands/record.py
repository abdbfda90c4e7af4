"""``foretable record``."""

from __future__ import annotations

from pathlib import Path

import click

from jobs.app import App, command_prefix, pass_app
from models.errors import SafetyError

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@click.command(epilog="""\b
Examples:
  foretable record binance --symbol BTCUSDT --symbol ETHUSDT --folder raw
  foretable record coinbase --symbol BTC-USD --folder raw --minutes 5
  foretable ingest raw --format binance_websocket --exchange binance

The files appear in the folder when they are whole, with their SHA-256 beside them; what a kill left open is finished by
the next recording. Exit code 74: the disk is full; 75: the exchange cannot be reached.""")  # fmt: skip
@click.argument("exchange", type=click.Choice(["binance", "coinbase"]))
@click.option("--symbol", "symbols", multiple=True, required=True, help="As the exchange names it; repeatable.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), required=True, help="Where the files go.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="How long; without it until Ctrl-C.")
@click.option(
    "--file-minutes",
    type=click.FloatRange(0, 1440, min_open=True),
    default=60.0,
    show_default=True,
    help="A new file begins after so long.",
)
@click.option(
    "--silent-seconds",
    type=click.FloatRange(1, 3600),
    default=30.0,
    show_default=True,
    help="A connection without a message for so long is given up for a new one.",
)
@click.option("--url", help="Another address of the websocket, for example of a test exchange.")
@click.option("--book-url", help="Another address of the book by REST; binance only.")
@pass_app
def record(app: App, exchange: str, symbols: tuple[str, ...], folder: Path, minutes: float | None,
           file_minutes: float, silent_seconds: float, url: str | None, book_url: str | None) -> None:  # fmt: skip
    """Record the public market data of an exchange as raw files, until Ctrl-C."""
    from jobs.record.feeds import make_feed
    from jobs.record.recorder import RecordSettings
    from jobs.record.run import record_until_stopped

    for address in (url, book_url):
        _require_safe(address)
    settings = RecordSettings(folder, exchange, file_minutes * 60, silent_seconds,
                              stop_after_seconds=minutes * 60 if minutes else None)  # fmt: skip
    recorded = record_until_stopped(make_feed(exchange, symbols, url, book_url), settings, app.say)
    app.emit({
        "files": len(recorded.files),
        "messages": recorded.n_messages,
        "connections": recorded.n_connections,
        "books_asked_for": recorded.n_books,
    })  # fmt: skip
    prefix = command_prefix(app)
    app.say(f"next: {prefix} ingest {folder} --format {exchange}_websocket --exchange {exchange}")


def _require_safe(address: str | None) -> None:
    """Only encrypted addresses, but on this machine.

    Raises:
        SafetyError: a plain address elsewhere: whoever sits between could write the market.
    """
    if address is None or address.startswith(("wss://", "https://")):
        return
    host = address.partition("://")[2].partition("/")[0].rpartition(":")[0]
    if not address.startswith(("ws://", "http://")) or host not in _LOOPBACK:
        raise SafetyError(f"{address} is not encrypted: use wss:// or https://, plain addresses are for this machine")
