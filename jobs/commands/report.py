"""foretable report."""

from __future__ import annotations

from pathlib import Path

import click

from jobs.app import App, pass_app


@click.command(name="report", epilog="""\b
Examples:
  foretable report
  foretable report --out today.html""")  # fmt: skip
@click.option("--out", "file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="HTML file to write; default: reports/report.html of the home.")  # fmt: skip
@pass_app
def report(app: App, file: Path | None) -> None:
    """Write one HTML file that opens offline: predictions, features, models and row accounting.

    Prints the path. A part that is not there yet is named in the page with the command to run.
    """
    from jobs.report import make_report

    app.emit({"report": str(make_report(app, file))})
