"""``foretable explore``."""

from __future__ import annotations

from pathlib import Path

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable explore
  foretable explore --rows 1000000 --out features.html
  foretable --json explore > features.json""")  # fmt: skip
@click.option(
    "--rows",
    "n_rows",
    type=click.IntRange(1),
    default=200_000,
    show_default=True,
    help="About so many bars, the newest of training time.",
)
@click.option("--out", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="HTML file to write; default: reports/explore.html of the home.")  # fmt: skip
@pass_app
def explore(app: App, n_rows: int, file: Path | None) -> None:
    """Show each feature's distribution, day, memory, and what it tells about later returns.

    Looks at training time only. A row a feature: the autocorrelation is that of one bar, ic_60s the rank correlation
    with the return over the next 60 seconds, with its 95 % interval.
    """
    from jobs.explore import explore as run

    rows, page = run(app, n_rows, file)
    app.emit(rows)
    app.say(f"drawings: {page}")
