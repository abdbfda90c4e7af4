"""foretable report."""

from __future__ import annotations

from pathlib import Path

import click

from jobs.app import App, pass_app
from models.errors import ForetableError


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
    app.emit({"report": str(make_report(app, file))})


def make_report(app: App, file: Path | None = None) -> Path:
    """Write the report of the default model's label; ``file`` defaults to reports/report.html of the home."""
    spark = app.session()
    app.say("making the report …")
    from jobs.evaluate import evaluate_models, registered_models
    from jobs.report_data import collect_report_data
    from jobs.report_page import write_report

    config = app.config
    models = registered_models(app)
    try:
        evaluation = evaluate_models(app, spark) if models else []
    except ForetableError as e:
        app.say(f"the report lacks the comparison of models: {e}")
        evaluation = []
    best = next((row["model"] for row in models if row["is_champion"]), None)
    labels = {model.name: model.label for model in config.models}
    label = labels.get(best or "", next(iter(labels.values()), config.labels[0].name))
    data = collect_report_data(spark, label, config.model_bar_seconds, evaluation, models)
    return write_report(data, file or config.home / "reports" / "report.html")
