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

    Prints the path.
    """
    spark = app.session()
    app.say("reading tables …")
    from jobs.evaluate import evaluate_models, registered_models
    from jobs.report_data import collect_report_data
    from jobs.report_page import write_report

    config = app.config
    names = {model.name: model.label for model in config.models}
    label = names.get(config.training.default_model or "", next(iter(names.values()), config.labels[0].name))
    evaluation, models = evaluate_models(app, spark), registered_models(app)
    data = collect_report_data(spark, label, config.model_bar_seconds, evaluation, models)
    app.emit({"report": str(write_report(data, file or config.home / "reports" / "report.html"))})
