"""The feature set of the configuration as recomputations: bars to features, orders to bars to features, the fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import DataFrame

from jobs.feature_kinds import BAR_COLUMNS
from jobs.feature_settings import FeatureSettings
from jobs.lookahead_compare import Layout, Mask, rows_before
from jobs.lookahead_frames import Recomputation, Transform
from jobs.lookahead_instants import instant_column, instants
from jobs.lookahead_versions import History
from jobs.normalize_rows import ROW_KEY, apply_scales, compute_rows, fit_scales, mark_training
from jobs.normalize_scales import train_ends_of
from jobs.resample_bars import complete_bars, flow_events, resample_events
from jobs.settled_rows import settled

SYMBOL = ("exchange", "symbol")
ORDER_COLUMNS = ("price", "size", "remaining_size", "side", "order_type", "reason")
TRADE_COLUMNS = ("price", "size", "taker_side")
FIT_TOLERANCE = 1e-12  # Spark promises no order in which avg and stddev add up


def features_of_bars(settings: FeatureSettings, bar_seconds: int) -> Transform:
    """Scaled features of ``bars``, with ``scales`` as they were fitted."""

    def transform(frames: Mapping[str, DataFrame]) -> DataFrame:
        rows = compute_rows(frames["bars"], settings, (), bar_seconds)
        return apply_scales(rows, frames["scales"], settings)

    return transform


def bar_recomputation(
    bars: DataFrame, scales: DataFrame, transform: Transform, bars_before: int, tolerance: float = 0.0
) -> Recomputation:
    """Features from bars. A bar is known at ``available_at``; after ``bars_before`` bars the start does not matter."""
    known = History(bars, instant_column(bars, "available_at"), BAR_COLUMNS)

    def is_settled(rows: pa.Table) -> Mask:
        return np.asarray(rows_before(rows, SYMBOL, "available_at") >= bars_before)

    layout = Layout(ROW_KEY, "available_at", tolerance, is_settled)
    return Recomputation({"bars": known, "scales": History(scales)}, transform, layout)


def event_transform(
    settings: FeatureSettings, bar_seconds: int, is_gap_free: bool, received_exchanges: Collection[str]
) -> Transform:
    """Bars and their scaled features of ``orders`` and ``trades``."""
    of_bars = features_of_bars(settings, bar_seconds)

    def transform(frames: Mapping[str, DataFrame]) -> DataFrame:
        events = flow_events(frames["trades"], frames["orders"], received_exchanges)
        bars = settled(complete_bars(resample_events(events, bar_seconds), bar_seconds, is_gap_free))
        features = of_bars({**frames, "bars": bars}).drop("available_at")
        return bars.join(features, list(ROW_KEY))

    return transform


def event_recomputation(
    orders: DataFrame,
    trades: DataFrame,
    scales: DataFrame,
    transform: Transform,
    bars_before: int,
    tolerance: float = 0.0,
) -> Recomputation:
    """Bars and features from events, cut in order time: an event is known at its own time, a bar at ``available_at``.

    Two things are no leak. The grid adds a bar without an event when the next event comes, so after a symbol's last
    event a shortened history lacks such bars (their values are compared where noise keeps the grid). The first bar of a
    late start is cut in two, and carries no close until the first trade.
    """
    histories = {
        "orders": History(orders, instant_column(orders, "event_time"), ORDER_COLUMNS),
        "trades": History(trades, instant_column(trades, "trade_time"), TRADE_COLUMNS),
        "scales": History(scales),
    }

    def is_settled(rows: pa.Table) -> Mask:
        has_close = np.asarray(rows["close"].is_valid())
        mask = np.zeros(rows.num_rows, dtype=bool)
        mask[has_close] = rows_before(rows.filter(rows["close"].is_valid()), SYMBOL, "available_at") > bars_before
        return mask

    layout = Layout(ROW_KEY, "available_at", tolerance, is_settled, is_waiting_for_an_event)
    return Recomputation(histories, transform, layout)


def is_waiting_for_an_event(whole: pa.Table, shorter: pa.Table) -> Mask:
    """Bars that the grid has added after the last bar which the shorter history has of their symbol."""
    names = [pd.Series(list(zip(*(t[name].to_pylist() for name in SYMBOL), strict=True))) for t in (whole, shorter)]
    last = pd.Series(instants(shorter, "available_at")).groupby(names[1]).max() if shorter.num_rows else pd.Series()
    last_of_row = names[0].map(last.to_dict()).fillna(-np.inf).to_numpy(np.float64)
    is_later = instants(whole, "available_at") > last_of_row
    return np.asarray(whole["is_filled"], dtype=bool) & is_later


def fit_recomputation(bars: DataFrame, settings: FeatureSettings, bar_seconds: int, train_end: int) -> Recomputation:
    """The scales that a training time until ``train_end`` (microseconds since 1970) gives; all rows are compared."""
    end = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=train_end)
    fixed = settings.model_copy(update={"train_end": end})

    def transform(frames: Mapping[str, DataFrame]) -> DataFrame:
        rows = compute_rows(frames["bars"], fixed, (), bar_seconds)
        return fit_scales(mark_training(rows, frames["train_ends"], horizon_seconds=0), fixed)

    histories = {
        "bars": History(bars, instant_column(bars, "available_at"), BAR_COLUMNS),
        "train_ends": History(train_ends_of(bars, fixed)),
    }
    return Recomputation(histories, transform, Layout((*SYMBOL, "bar_seconds", "feature"), None, FIT_TOLERANCE))


def fitted_scales(bars: DataFrame, settings: FeatureSettings, bar_seconds: int) -> DataFrame:
    """Scales of the bars themselves, for a feature set that has none yet."""
    rows = compute_rows(bars, settings, (), bar_seconds)
    return settled(fit_scales(mark_training(rows, train_ends_of(bars, settings), 0), settings))
