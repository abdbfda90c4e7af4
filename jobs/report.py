"""Report: one HTML file that opens offline, about the tables and models of a home."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobs.app import App
from jobs.evaluate import evaluate_models, registered_models
from jobs.report_data import collect_report_data
from jobs.report_page import write_report
from models.errors import ForetableError


def make_report(app: App, file: Path | None = None, evaluation: list[dict[str, Any]] | None = None) -> Path:
    """Write the report of the default model's label; ``file`` defaults to reports/report.html of the home.

    ``evaluation`` are the rows of ``evaluate_models`` where they are at hand already.
    """
    spark = app.session()
    app.say("making the report …")
    config = app.config
    models = registered_models(app)
    if evaluation is None:
        try:
            evaluation = evaluate_models(app, spark) if models else []
        except ForetableError as e:
            app.say(f"the report lacks the comparison of models: {e}")
            evaluation = []
    best = next((row["model"] for row in models if row["is_champion"]), None)
    labels = {model.name: model.label for model in config.models}
    label = labels.get(best or "", next(iter(labels.values()), config.labels[0].name))
    of_label = [row for row in evaluation if row["label"] == label]
    data = collect_report_data(spark, label, config.model_bar_seconds, of_label, models)
    return write_report(data, file or config.home / "reports" / "report.html")
