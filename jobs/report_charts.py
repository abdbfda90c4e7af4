"""The interactive charts of a report: Bokeh models, no I/O."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from bokeh.layouts import column
from bokeh.models import ColumnDataSource, CustomJS, DatetimeTickFormatter, HoverTool, Range1d, RangeTool
from bokeh.models.annotations import Span
from bokeh.models.ui import UIElement
from bokeh.models.widgets import Select
from bokeh.plotting import figure

from jobs.report_format import MISSING, Unit
from jobs.report_numbers import Floats, Series
from jobs.report_panels import Panel
from jobs.report_style import SELECT_CSS

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito 2008, colour-blind safe
GREY = "#8a8f98"
N_BARS_IN_VIEW = 240
TOOLS = "xpan,xwheel_zoom,xbox_zoom,reset,save"


def prediction_charts(panels: list[Panel], series: list[Series], unit: Unit) -> dict[str, UIElement]:
    """Select, time series with overview, cumulative gain and calibration, switched together by the select.

    Returns:
        The parts by name: ``symbol`` (where there are several panels), ``time_series``, ``gain``, ``calibration``.
    """
    sources = [ColumnDataSource(panel.lines) for panel in panels]
    shown = ColumnDataSource(dict(sources[0].data))
    window = _first_window(panels[0])
    main = _predictions_figure(shown, series, unit, window)
    groups = [[ColumnDataSource(_group_columns(frame)) for frame in panel.groups] for panel in panels]
    shown_groups = [ColumnDataSource(dict(source.data)) for source in groups[0]]
    parts: dict[str, UIElement] = {
        "time_series": column(main, _overview_figure(shown, main), sizing_mode="stretch_width"),
        "gain": _gain_figure(shown, series, unit),
        "calibration": _calibration_figure(shown_groups, series, unit),
    }
    if len(panels) > 1:
        parts["symbol"] = _symbol_select(panels, sources, shown, groups, shown_groups, main)
    return parts


def _symbol_select(panels: list[Panel], sources: Any, shown: Any, groups: Any, shown_groups: Any, main: Any) -> Select:
    options: list[Any] = [(str(i), panel.title) for i, panel in enumerate(panels)]
    select = Select(title="Symbol", value="0", options=options, width=320, stylesheets=[SELECT_CSS])
    windows = [list(_first_window(panel)) for panel in panels]
    callback = CustomJS(
        args={"sources": sources, "shown": shown, "groups": groups, "shown_groups": shown_groups,
              "windows": windows, "x_range": main.x_range},
        code="""
        const i = Number(this.value)
        shown.data = {...sources[i].data}
        shown_groups.forEach((source, j) => { source.data = {...groups[i][j].data} })
        x_range.setv({start: windows[i][0], end: windows[i][1], reset_start: windows[i][0], reset_end: windows[i][1]})
        """,
    )  # fmt: skip
    select.js_on_change("value", callback)
    return select


def _first_window(panel: Panel) -> tuple[float, float]:
    times = panel.lines["time"]
    end = float(times[-1]) + panel.bar_ms
    return max(float(times[0]), end - N_BARS_IN_VIEW * panel.bar_ms * panel.step), end


def _predictions_figure(shown: ColumnDataSource, series: list[Series], unit: Unit, window: Any) -> Any:
    main = _figure(height=360, tools=TOOLS, x_axis_type="datetime", x_range=Range1d(*window))
    main.yaxis.axis_label = _axis("actual and predicted", unit)
    actual = main.line("time", "actual", source=shown, color=GREY, width=1.2, alpha=0.9, legend_label="actual")
    rows = [("bar start", "@time{%F %T} UTC"), ("actual", f"@actual{{0.00}} {unit.name}")]
    for i, one in enumerate(series):
        line = main.line("time", f"p{i}", source=shown, color=PALETTE[i], width=2.2, legend_label=_plain(one.name))
        line.visible = i == 0
        rows.append((_plain(one.name), f"@p{i}{{0.00}} {unit.name}"))
    hover = HoverTool(
        tooltips=rows, formatters={"@time": "datetime"}, renderers=[actual], mode="vline", line_policy="nearest"
    )
    main.add_tools(hover)
    main.y_range.only_visible = True
    _legend_above(main)
    _zero_line(main)
    return _with_time_axis(main)


def _overview_figure(shown: ColumnDataSource, main: Any) -> Any:
    overview = _figure(height=76, tools="", toolbar_location=None, x_axis_type="datetime")
    overview.line("time", "actual", source=shown, color=GREY, width=0.8)
    overview.yaxis.visible = False
    overview.ygrid.visible = False
    brush = RangeTool(x_range=main.x_range)
    brush.overlay.fill_color, brush.overlay.fill_alpha = PALETTE[0], 0.16
    brush.overlay.line_color = PALETTE[0]
    overview.add_tools(brush)
    return _with_time_axis(overview)


def _gain_figure(shown: ColumnDataSource, series: list[Series], unit: Unit) -> Any:
    gain = _figure(height=230, tools=TOOLS, x_axis_type="datetime")
    gain.yaxis.axis_label = _axis("cumulative gain", unit, squared=True)
    for i, one in enumerate(series):
        gain.line("time", f"g{i}", source=shown, color=PALETTE[i], width=2, legend_label=_plain(one.name))
    _legend_above(gain)
    _zero_line(gain)
    return _with_time_axis(gain)


def _group_columns(frame: pd.DataFrame) -> dict[str, Any]:
    return {name: frame[name].to_numpy(dtype=float) for name in frame.columns}


def _calibration_figure(groups: list[ColumnDataSource], series: list[Series], unit: Unit) -> Any:
    chart = _figure(height=360, tools="pan,wheel_zoom,box_zoom,reset,save")
    chart.xaxis.axis_label = _axis("mean prediction of the tenth", unit)
    chart.yaxis.axis_label = _axis("mean outcome", unit)
    ends = _extent(groups)
    chart.line(ends, ends, color=GREY, line_dash="dashed", legend_label="perfect calibration")
    for i, (one, source) in enumerate(zip(series, groups, strict=True)):
        name = _plain(one.name)
        bars = chart.segment("predicted", "lower", "predicted", "upper", source=source, color=PALETTE[i], width=1.6,
                             legend_label=name)  # fmt: skip
        dots = chart.scatter("predicted", "actual", source=source, color=PALETTE[i], size=9, legend_label=name)
        bars.visible = dots.visible = i == 0
        rows = [(name, "@n{0,0} bars"), ("mean prediction", f"@predicted{{0.000}} {unit.name}"),
                ("mean outcome", f"@actual{{0.000}} {unit.name}"),
                ("95 % interval", f"@lower{{0.000}} to @upper{{0.000}} {unit.name}")]  # fmt: skip
        chart.add_tools(HoverTool(tooltips=rows, renderers=[dots]))
    chart.x_range.only_visible = chart.y_range.only_visible = True
    _legend_above(chart)
    _zero_line(chart)
    return chart


def _extent(groups: list[ColumnDataSource]) -> list[float]:
    predicted: Floats = np.concatenate([np.asarray(source.data["predicted"], dtype=float) for source in groups])
    return [float(predicted.min()), float(predicted.max())] if len(predicted) else [0.0, 0.0]


def difference_chart(evaluation: pd.DataFrame, champion_name: str | None, unit: Unit) -> Any:
    """Difference in mean squared error to zero change, with interval, a line per model.

    Args:
        evaluation: Rows of ``ReportData.evaluation`` with a column ``name``; baselines, and rows without an interval,
            are left out.
        champion_name: Drawn in the champion's colour.
        unit: Of the label.
    """
    rows = evaluation.dropna(subset=["version", "mse_difference", "difference_lower", "difference_upper"]).iloc[::-1]
    names = [_plain(name) for name in rows["name"]]
    scale = unit.scale**2
    source = ColumnDataSource({
        "name": names,
        "difference": rows["mse_difference"].to_numpy(dtype=float) * scale,
        "lower": rows["difference_lower"].to_numpy(dtype=float) * scale,
        "upper": rows["difference_upper"].to_numpy(dtype=float) * scale,
        "color": [PALETTE[0] if name == champion_name else GREY for name in rows["name"]],
    })  # fmt: skip
    chart = _figure(height=90 + 38 * len(names), tools="", toolbar_location=None, y_range=names)
    chart.segment("lower", "name", "upper", "name", source=source, color="color", width=3)
    dots = chart.scatter("difference", "name", source=source, color="color", size=11)
    lowest, highest = min(0.0, *source.data["lower"]), max(0.0, *source.data["upper"])
    margin = 0.08 * (highest - lowest or 1.0)
    chart.x_range = Range1d(lowest - margin, highest + margin)
    chart.add_layout(Span(location=0, dimension="height", line_color=GREY, line_dash="dashed"))
    chart.xaxis.axis_label = _axis("mean squared error minus that of zero change", unit, squared=True)
    chart.ygrid.visible = False
    rows_shown = [("model", "@name"), ("difference", f"@difference{{0.0000}} {unit.squared}"),
                  ("95 % interval", f"@lower{{0.0000}} to @upper{{0.0000}} {unit.squared}")]  # fmt: skip
    chart.add_tools(HoverTool(tooltips=rows_shown, renderers=[dots]))
    return chart


def _figure(**settings: Any) -> Any:
    chart = figure(sizing_mode="stretch_width", **settings)
    chart.toolbar.logo = None
    chart.background_fill_color = chart.border_fill_color = None
    chart.outline_line_color = None
    chart.axis.axis_label_text_font_style = "normal"
    chart.axis.axis_label_text_font_size = "12px"
    chart.axis.major_label_text_font_size = "12px"
    chart.axis.minor_tick_line_color = None
    chart.axis.axis_line_color = chart.axis.major_tick_line_color = GREY
    chart.min_border_right = 16
    return chart


def _with_time_axis(chart: Any) -> Any:
    chart.xaxis.formatter = DatetimeTickFormatter(
        seconds="%H:%M:%S", minsec="%H:%M:%S", minutes="%H:%M", hourmin="%H:%M", hours="%H:%M", days="%d %b %Y",
        months="%b %Y", years="%Y", context="%d %b %Y", context_which="start",
    )  # fmt: skip
    chart.min_border_left = 70
    return chart


def _zero_line(chart: Any) -> None:
    chart.add_layout(Span(location=0, dimension="width", line_color=GREY, line_width=1, line_alpha=0.6))


def _legend_above(chart: Any) -> None:
    legend = chart.legend[0]
    chart.add_layout(legend, "above")
    legend.orientation, legend.click_policy = "horizontal", "hide"
    legend.background_fill_color = legend.border_line_color = None
    legend.label_text_font_size = "12px"
    legend.padding, legend.margin, legend.spacing = 2, 0, 14


def _axis(words: str, unit: Unit, squared: bool = False) -> str:
    name = unit.squared if squared else unit.name
    return f"{words} ({name})" if name else words


def _plain(name: str) -> str:
    """A name as Bokeh shows it without a second look: it would read TeX between dollars and fields after @ and $."""
    return name.replace("$", "＄").replace("@", "＠") or MISSING
