"""A static page of the predictions in predictions/*.csv: what was predicted, what came, whether it is worth anything.

Drag the shaded part of the lower strip to move through time, its edges to zoom; the wheel zooms, too.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from bokeh.layouts import column
from bokeh.models import BoxAnnotation, ColumnDataSource, HoverTool, NumeralTickFormatter, RangeTool
from bokeh.plotting import figure

from jobs.evaluate import difference_to_zero_change
from jobs.report_shell import chart_place, whole_page, write_page
from models.metrics import information_coefficient

DAYS_AHEAD = 20
ACTUAL, PREDICTED = "#8a8f98", "#0072B2"


def read_predictions(site):
    """One row a day, oldest first; returns as shares of the price."""
    files = sorted((site / "predictions").glob("*.csv"))
    rows = pd.concat([pd.read_csv(file, parse_dates=["day"]) for file in files])
    return rows.sort_values("day", ignore_index=True)


def judged(rows):
    """Numbers of the days that no version of the model was fitted on and of which the outcome is known."""
    unseen = rows[rows.is_unseen & rows.return_20_days.notna() & rows.prediction.notna()]
    actual, predicted = unseen.return_20_days.to_numpy(), unseen.prediction.to_numpy()
    days = unseen.day.astype("int64").to_numpy()
    inside = (actual >= unseen.lower.to_numpy()) & (actual <= unseen.upper.to_numpy())
    return {
        "n": len(unseen),
        "first": unseen.day.min(),
        "rmse": float(np.sqrt(np.mean((predicted - actual) ** 2))),
        "naive_rmse": float(np.sqrt(np.mean(actual**2))),
        "information": information_coefficient(actual, predicted),
        "coverage": float(inside.mean()),
        **difference_to_zero_change(days, actual, predicted, DAYS_AHEAD),
    }


def verdict(told):
    """One sentence: better, worse, or not to be told apart from predicting no change."""
    if told["difference_upper"] < 0:
        return "It beats predicting no change."
    if told["difference_lower"] > 0:
        return "It does worse than predicting no change: do not trade on it."
    return "It cannot be told apart from predicting no change: it has no skill that could be shown."


def chart(rows):
    """Predicted and actual return over the next 20 days with the interval, the price, and a strip to brush."""
    source = ColumnDataSource(rows)
    last = rows.day.max()
    returns = figure(
        height=320, sizing_mode="stretch_width", x_axis_type="datetime", tools="xpan,xwheel_zoom,xbox_zoom,reset,save",
        active_scroll="xwheel_zoom", x_range=(last - pd.Timedelta(days=730), last),
    )  # fmt: skip
    returns.yaxis.axis_label = f"return over the next {DAYS_AHEAD} trading days"
    returns.yaxis.formatter = NumeralTickFormatter(format="0 %")
    returns.varea(
        "day", "lower", "upper", source=source, fill_color=PREDICTED, fill_alpha=0.12, legend_label="interval"
    )
    actual = returns.line("day", "return_20_days", source=source, color=ACTUAL, legend_label="actual")
    returns.line("day", "prediction", source=source, color=PREDICTED, width=2, legend_label="predicted")
    returns.add_layout(BoxAnnotation(right=rows[rows.is_unseen].day.min(), fill_color="#888888", fill_alpha=0.10))
    returns.add_tools(HoverTool(renderers=[actual], mode="vline", formatters={"@day": "datetime"}, tooltips=[
        ("day", "@day{%F}"), ("price", "@gold_close{0.0}"), ("predicted", "@prediction{0.0 %}"),
        ("actual", "@return_20_days{0.0 %}"),
    ]))  # fmt: skip
    returns.legend.orientation, returns.legend.location = "horizontal", "top_left"
    returns.y_range.only_visible = True
    strip = figure(height=90, sizing_mode="stretch_width", x_axis_type="datetime", tools="", toolbar_location=None)
    strip.line("day", "gold_close", source=source, color=ACTUAL)
    strip.yaxis.axis_label = "USD"
    strip.add_tools(RangeTool(x_range=returns.x_range))
    return column(returns, strip, sizing_mode="stretch_width")


def main(site):
    """Write ``index.html`` beside the folder of predictions."""
    rows = read_predictions(site)
    told = judged(rows)
    newest = rows.iloc[-1]
    tested = "" if told["dm_p_value"] is None else f", Diebold-Mariano test p = {told['dm_p_value']:.3f}"
    body = (
        f"<h1>Gold in {DAYS_AHEAD} trading days</h1>"
        f"<p class=verdict>{verdict(told)}</p>"
        f"<p>On {told['n']:,} days from {told['first']:%d %B %Y} on, which the model has not seen, its error is "
        f"{told['rmse']:.2%} and that of predicting no change {told['naive_rmse']:.2%} (root mean square{tested}). "
        f"Rank correlation {told['information']:.3f}. Of the outcomes {told['coverage']:.0%} lie within the interval, "
        f"made for 90 %.</p>"
        f"<p>On {newest.day:%d %B %Y} it says {newest.prediction:+.1%} ({newest.lower:+.1%} to {newest.upper:+.1%}) "
        f"for an ounce of {newest.gold_close:,.1f} USD. Shaded: 2014 and before.</p>"
        f"{chart_place('returns')}"
        f"<footer class=soft>{newest.model}, version {newest.version}. Made by Foretable, examples/gold.</footer>"
    )
    print(write_page(whole_page("Gold in 20 days", body, {"returns": chart(rows)}), site / "index.html"))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python page.py FOLDER_OF_THE_SITE")
    main(Path(sys.argv[1]))
