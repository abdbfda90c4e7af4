"""``foretable resample``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable resample
  foretable resample --bar-seconds 1 --bar-seconds 300
  foretable resample --rebuild""")  # fmt: skip
@click.option("--bar-seconds", "widths", multiple=True, type=click.IntRange(1, 86_400), metavar="SECONDS",
              help="Width of a bar; may be repeated. Default: bars.seconds of the configuration.")  # fmt: skip
@click.option("--rebuild", "is_rebuild", is_flag=True, help="Read all events again, not only the new ones.")
@click.option("--dry-run", is_flag=True, help="Print the widths that would be made, and end.")
@pass_app
def resample(app: App, widths: tuple[int, ...], is_rebuild: bool, dry_run: bool) -> None:
    """Bring bars up to date with trades and orders; only bars that new events touch are recomputed.

    With nothing new the exit code is 99.
    """
    from jobs.pipeline import resample_step

    if widths:
        settings = app.config.bars.model_copy(update={"seconds": widths})
        app.config = app.config.model_copy(update={"bars": settings})
    if dry_run:
        app.emit([{"bar_seconds": width, "gap_free": app.config.bars.gap_free} for width in app.config.bars.seconds])
        return
    app.emit(resample_step(app, is_rebuild))
