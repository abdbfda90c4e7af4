"""The report of predictions, features, models and rows taken in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bokeh.models.ui import UIElement

from jobs.report_charts import difference_chart, prediction_charts
from jobs.report_data import ReportData
from jobs.report_format import Unit, instant, text, unit_of, whole
from jobs.report_headline import facts, named, verdict
from jobs.report_numbers import Series, champion, shown_series
from jobs.report_panels import Panel, make_panels
from jobs.report_shell import chart_place, whole_page, write_page
from jobs.report_tables import accounting_table, coverage_table, evaluation_table, feature_table, model_table


def write_report(data: ReportData, file: Path) -> Path:
    """Write the page, see ``write_page``.

    Args:
        data: What to show; an empty part becomes a sentence with the command to run.
        file: HTML file; its folder is made, an older report is replaced.

    Returns:
        The absolute path.
    """
    return write_page(render_report(data), file)


def render_report(data: ReportData) -> str:
    """The whole page as HTML text."""
    data = replace(data, predictions=data.predictions[data.predictions["is_held_out"].eq(True)])
    unit, series, best = unit_of(data.label), shown_series(data), champion(data)
    panels = make_panels(data, series, unit) if series else []
    charts: dict[str, UIElement] = prediction_charts(panels, series, unit) if panels else {}
    evaluation = named(data.evaluation)
    if (evaluation["difference_lower"].notna() & evaluation["version"].notna()).any():
        charts["difference"] = difference_chart(evaluation, best.name if best else None, unit)
    body = "".join([
        _headline(data, best, unit), _predictions(panels, series, charts, unit), _features(data),
        _models(data, best, charts, unit), _accounting(data),
        f"<footer class=soft>Made {instant(data.made_at)} UTC by Foretable. Times are UTC.</footer>",
    ])  # fmt: skip
    return whole_page("Foretable report", body, charts)


def _headline(data: ReportData, best: Series | None, unit: Unit) -> str:
    sentence, kind = verdict(data.evaluation, best, unit)
    items = "".join(f"<div><dt>{text(name)}</dt><dd>{value}</dd></div>" for name, value in facts(data, best))
    table = coverage_table(data.coverage) if len(data.coverage) else _missing("features", "foretable normalize")
    return f'<h1>Foretable report</h1><p class="verdict {kind}">{text(sentence)}</p><dl class=facts>{items}</dl>{table}'


def _predictions(panels: list[Panel], series: list[Series], charts: dict[str, UIElement], unit: Unit) -> str:
    title = "<h2>Actual against predicted</h2>"
    if not panels:
        return title + _missing("predictions on held-out time", "foretable score")
    select = chart_place("symbol") if "symbol" in charts else f"<p>{text(panels[0].title)}</p>"
    names = text(", ".join(one.name for one in series[1:]))
    others = f" Click a name in the legend to show or hide a model ({names})." if names else ""
    return (
        f"{title}<p class=soft>Held-out time only: no bar here was used in training. Drag the shaded window in the "
        f"strip, or its edges, to move through time; drag in the chart to zoom.{others} {_thinning(panels)}</p>{select}"
        f"<h3>Outcome and prediction, bar by bar</h3>{chart_place('time_series')}"
        f"<h3>Where is the model better than predicting no change?</h3>{chart_place('gain')}"
        f"<p class=soft>Squared error of zero change minus that of the model, summed up over all held-out time. "
        f"Where the line rises the model is better; a line that wanders around zero shows no skill.</p>"
        f"<h3>Is a higher prediction followed by a higher outcome?</h3>{chart_place('calibration')}"
        f"<p class=soft>Held-out bars sorted by prediction into tenths: mean prediction against mean outcome, with "
        f"95 % intervals from 50 blocks of time (neighbouring outcomes overlap). "
        f"On the dashed line predictions are right on average.</p>"
    )


def _thinning(panels: list[Panel]) -> str:
    thinned = [panel for panel in panels if panel.step > 1]
    if not thinned:
        return "Every bar is drawn."
    words = "; ".join(f"{text(p.title)}: 1 of {p.step} of {whole(p.n_bars)} bars" for p in thinned)
    return f"To keep the file small not every bar is drawn ({words}); sums, tenths and tables use all of them."


def _features(data: ReportData) -> str:
    title = "<h2>Features</h2>"
    if data.features.empty:
        return title + _missing("features", "foretable normalize")
    n_rows, n_all = len(data.features), int(data.coverage["n_bars"].sum())
    share = f"all {whole(n_rows)} bars" if n_rows >= n_all else f"a sample of {whole(n_rows)} of {whole(n_all)} bars"
    return (
        f"{title}<p class=soft>From {share}, warm-up included. Click a heading to sort. Distribution between the 0.5th "
        f"and 99.5th percentile, the rest in the outermost bins: <span class=key></span> training, "
        f"<span class='key line'></span> held out. Correlation is Pearson's with {text(data.label)}.</p>"
        f"{feature_table(data.features)}"
    )


def _models(data: ReportData, best: Series | None, charts: dict[str, UIElement], unit: Unit) -> str:
    evaluation = named(data.evaluation)
    title = "<h2>Models compared on held-out time</h2>"
    if evaluation.empty:
        compared = _missing("evaluated models", "foretable evaluate")
    else:
        chart = chart_place("difference") if "difference" in charts else ""
        compared = (
            f"<p class=soft>Chart: left of zero is better than predicting no change, and an interval that covers zero "
            f"is no evidence either way; the baselines are in the table.</p>{chart}"
            f"{evaluation_table(evaluation, best.name if best else None, unit)}"
        )
    registered = model_table(data.models) if len(data.models) else _missing("registered models", "foretable train")
    return f"{title}{compared}<h3>Registered versions</h3>{registered}"


def _accounting(data: ReportData) -> str:
    title = "<h2>Rows taken in</h2>"
    if data.accounting.empty:
        return title + _missing("ingested files", "foretable ingest FILE")
    holes = "hole" if data.n_gaps == 1 else "holes"
    return (
        f"{title}{accounting_table(data.accounting)}<p>{whole(data.n_gaps)} {holes} in the exchange's numbering, "
        f"{whole(data.n_missing)} messages missing.</p>"
    )


def _missing(what: str, command: str) -> str:
    return f"<p class=missing>No {what} yet. Run <code>{text(command)}</code>, then make the report again.</p>"
