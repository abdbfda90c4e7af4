"""``foretable book``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable book
  foretable book --depth-levels 20 --depth-seconds 1
  foretable book --warm-seconds 0 --rebuild
  foretable sql -e "SELECT symbol, bid_price, ask_price FROM quotes WHERE is_usable LIMIT 5\"""")  # fmt: skip
@click.option("--depth-levels", type=click.IntRange(1, 1_000), metavar="N",
              help="Price levels a side of a depth. Default: book.depth_levels of the configuration, 10.")  # fmt: skip
@click.option("--depth-seconds", type=click.FloatRange(0, 86_400), metavar="SECONDS",
              help="A depth in each such interval; 0 for none. Default: book.depth_seconds, 10.")  # fmt: skip
@click.option("--warm-seconds", type=click.FloatRange(0), metavar="SECONDS",
              help="A book that no snapshot seeds is usable after this. Default: book.warm_seconds, 1800.")  # fmt: skip
@click.option("--rebuild", "is_rebuild", is_flag=True, help="Replay all events again, not only the new ones.")
@click.option("--dry-run", is_flag=True, help="Print the settings that would be used, and end.")
@pass_app
def book(app: App, depth_levels: int | None, depth_seconds: float | None, warm_seconds: float | None,
         is_rebuild: bool, dry_run: bool) -> None:  # fmt: skip
    """Rebuild the order book from orders: a row of quotes for each change of the best bid or ask, and depths.

    A book goes on from where the last run left it; late events replay their day and what follows. With nothing new
    the exit code is 99.
    """
    from jobs.pipeline import book_step

    given = {"depth_levels": depth_levels, "depth_seconds": depth_seconds, "warm_seconds": warm_seconds}
    update = {name: value for name, value in given.items() if value is not None}
    settings = app.config.book_settings.model_copy(update=update)
    app.config = app.config.model_copy(update={"book": settings})
    if dry_run:
        app.emit(settings.model_dump())
        return
    app.emit(book_step(app, is_rebuild))
