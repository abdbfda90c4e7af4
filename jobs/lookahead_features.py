"""The feature set of the configuration as recomputations: bars to features, orders to bars to features, the fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from jobs.feature_kinds import BAR_COLUMNS, TIME_COLUMNS
from jobs.feature_settings import FeatureSettings
from jobs.lookahead_compare import Layout, Mask, rows_before
from jobs.lookahead_frames import Recomputation, Transform
from jobs.lookahead_instants import instant_column, instants
from jobs.lookahead_versions import History
from jobs.normalize_rows import ROW_KEY, apply_scales, compute_rows, fit_scales, mark_training
from jobs.normalize_scales import train_ends_of
from jobs.quote_bars import quote_bars, with_quotes
from jobs.resample_bars import FlowEvents, complete_bars, resample_events
from jobs.settled_rows import settled

SYMBOL = ("exchange", "symbol")
ORDER_COLUMNS = ("price", "size", "remaining_size", "side", "order_type", "reason")
TRADE_COLUMNS = ("price", "size", "taker_side")
QUOTE_COLUMNS = (
    *("is_usable", "bid_price", "bid_size", "bid_depth_prices", "bid_depth_sizes"),
    *("ask_price", "ask_size", "ask_depth_prices", "ask_depth_sizes", "order_flow"),
)
FIT_TOLERANCE = 1e-12  # Spark promises no order in which avg and stddev add up


def features_of_bars(settings: FeatureSettings, bar_seconds: int) -> Transform:
    """Scaled features of ``bars``, with ``scales`` as they were fitted."""

    def transform(frames: Mapping[str, DataFrame]) -> DataFrame:
        rows = compute_rows(frames["bars"], settings, (), bar_seconds)
        return apply_scales(rows, frames["scales"], settings)

    return transform


def bar_recomputation(
    bars: DataFrame,
    scales: DataFrame,
    transform: Transform,
    bars_before: int,
    tolerance: float = 0.0,
    of_other_symbols: Collection[str] = (),
) -> Recomputation:
    """Features from bars. A bar is known at ``available_at``; after ``bars_before`` bars the start does not matter.

    Nor does it where each of the features ``of_other_symbols`` is there: before that the other symbol has no close yet.
    """
    known = History(bars, instant_column(bars, "available_at"), (*BAR_COLUMNS, *TIME_COLUMNS))

    def is_settled(rows: pa.Table) -> Mask:
        mask = np.asarray(rows_before(rows, SYMBOL, "available_at") >= bars_before)
        for name in of_other_symbols:
            mask = mask & np.asarray(pc.struct_field(rows["features"], name).is_valid())
        return mask

    layout = Layout(ROW_KEY, "available_at", tolerance, is_settled)
    return Recomputation({"bars": known, "scales": History(scales)}, transform, layout)


def event_transform(
    settings: FeatureSettings, bar_seconds: int, is_gap_free: bool, received_exchanges: Collection[str]
) -> Transform:
    """Bars and their scaled features of ``orders``, ``trades`` and ``quotes``."""
    of_bars = features_of_bars(settings, bar_seconds)

    def transform(frames: Mapping[str, DataFrame]) -> DataFrame:
        events = FlowEvents(frames["trades"], frames["orders"], received_exchanges)
        bars = complete_bars(resample_events(events, bar_seconds), bar_seconds, is_gap_free)
        bars = settled(with_quotes(bars, quote_bars(frames["quotes"], bar_seconds)))
        features = of_bars({**frames, "bars": bars}).drop("available_at")
        return bars.join(features, list(ROW_KEY))

    return transform


def event_recomputation(
    orders: DataFrame,
    trades: DataFrame,
    quotes: DataFrame,
    scales: DataFrame,
    transform: Transform,
    settings: FeatureSettings,
    tolerance: float = 0.0,
) -> Recomputation:
    """Bars and features from events, cut in order time: an event is known at its own time, a bar at ``available_at``.

    Two things are no leak. The grid adds a bar without an event when the next event comes, so after a symbol's last
    event a shortened history lacks such bars (their values are compared where noise keeps the grid). The first bar of a
    late start is cut in two, and carries no close until the first trade and no book until the first quote and depth.
    """
    histories = {
        "orders": History(orders, instant_column(orders, "event_time"), ORDER_COLUMNS),
        "trades": History(trades, instant_column(trades, "trade_time"), TRADE_COLUMNS),
        "quotes": History(quotes, instant_column(quotes, "event_time"), QUOTE_COLUMNS),
        "scales": History(scales),
    }

    has_depth = not quotes.where("bid_depth_prices IS NOT NULL").isEmpty()
    carried = ("close", *(() if quotes.isEmpty() else ("last_quote_at",)), *(("bid_depth",) if has_depth else ()))

    def is_settled(rows: pa.Table) -> Mask:
        is_known = is_carried_on(rows, carried, across_symbols=bool(settings.other_symbols))
        mask = np.zeros(rows.num_rows, dtype=bool)
        known = rows.filter(pa.array(is_known))
        mask[is_known] = rows_before(known, SYMBOL, "available_at") > settings.bars_before
        return mask

    layout = Layout(ROW_KEY, "available_at", tolerance, is_settled, is_waiting_for_an_event)
    return Recomputation(histories, transform, layout)


def is_carried_on(bars: pa.Table, columns: Collection[str], across_symbols: bool) -> Mask:
    """Bars from the first one on at which each of the columns has had a value, of all symbols if asked for."""
    frame = bars.select(list(SYMBOL)).to_pandas()
    at = instants(bars, "available_at")
    group = ["exchange"] if across_symbols else list(SYMBOL)
    first = pd.Series(-np.inf, index=frame.index)
    for name in columns:
        frame["first"] = np.where(np.asarray(bars[name].is_valid()), at, np.inf)
        frame["first"] = frame.groupby(list(SYMBOL))["first"].transform("min")
        first = np.maximum(first, frame.groupby(group)["first"].transform("max"))
    return np.asarray(at >= first, dtype=bool)


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
        "bars": History(bars, instant_column(bars, "available_at"), (*BAR_COLUMNS, *TIME_COLUMNS)),
        "train_ends": History(train_ends_of(bars, fixed)),
    }
    return Recomputation(histories, transform, Layout((*SYMBOL, "bar_seconds", "feature"), None, FIT_TOLERANCE))


def fitted_scales(bars: DataFrame, settings: FeatureSettings, bar_seconds: int) -> DataFrame:
    """Scales of the bars themselves, for a feature set that has none yet."""
    rows = compute_rows(bars, settings, (), bar_seconds)
    return settled(fit_scales(mark_training(rows, train_ends_of(bars, settings), 0), settings))
