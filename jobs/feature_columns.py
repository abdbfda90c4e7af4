"""The formula of each feature and label kind as Spark columns over a symbol's bars in order of time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from jobs.feature_kinds import (
    BAR_COLUMNS,
    Amihud,
    CrossReturn,
    Feature,
    Imbalance,
    Intensity,
    KyleLambda,
    LogRatio,
    LogReturn,
    Range,
    Ratio,
    Roll,
    SecondsSince,
    TimeOfDayCosine,
    TimeOfDaySine,
    Value,
    Volatility,
    VwapDeviation,
    ZScore,
)
from jobs.label_settings import LabelSettings
from jobs.resample_bars import by_time
from models.sql_text import identifier

_DAY_SECONDS = 86_400


def with_inputs(bars: DataFrame, items: Sequence[Feature]) -> DataFrame:
    """Bars with their numbers as double, and what more than one formula or another symbol's bars give."""
    doubles = bars.withColumns({name: F.col(name).cast("double") for name in BAR_COLUMNS})
    with_others = _with_other_symbols(doubles, [item for item in items if isinstance(item, CrossReturn)])
    return with_others.withColumns(
        {
            "_return": _log(F.col("close"), F.lag("close").over(by_time())),
            "_notional": F.coalesce(F.col("vwap") * F.col("volume"), F.lit(0.0)),
            "_signed_volume": F.col("buy_volume") - F.col("sell_volume"),
        }
    ).withColumn("_return_before", F.lag("_return").over(by_time()))


def _with_other_symbols(bars: DataFrame, items: Sequence[CrossReturn]) -> DataFrame:
    """Bars beside the last close of other symbols of the exchange, as known at the end of each."""
    if not items:
        return bars
    closes = {_of_other(item): F.max(F.when(F.col("symbol") == F.lit(item.symbol), F.col("close"))) for item in items}
    at_once = bars.groupBy("exchange", "bar_start").agg(*[value.alias(name) for name, value in closes.items()])
    until_now = Window.partitionBy("exchange").orderBy("bar_start").rowsBetween(Window.unboundedPreceding, 0)
    last = {name: F.last(identifier(name), ignorenulls=True).over(until_now) for name in closes}
    return bars.join(at_once.withColumns(last), ["exchange", "bar_start"])


def _of_other(item: CrossReturn) -> str:
    return f"_close of {item.symbol}"


@singledispatch
def feature_column(item: Feature) -> Column:
    """Raw value of a feature over bars as from ``with_inputs``, before checks of the window and scaling."""
    raise NotImplementedError(type(item).__name__)


@feature_column.register
def _(item: LogReturn) -> Column:
    return _log(F.col(item.column), F.lag(item.column, item.bars).over(by_time()))


@feature_column.register
def _(item: CrossReturn) -> Column:
    column = identifier(_of_other(item))
    return _log(F.lag(column, item.lag).over(by_time()), F.lag(column, item.lag + item.bars).over(by_time()))


@feature_column.register
def _(item: LogRatio) -> Column:
    return _log(F.col(item.numerator), F.col(item.denominator))


@feature_column.register
def _(item: ZScore) -> Column:
    before = by_time().rowsBetween(-item.bars, -1)
    mean, deviation = F.avg(item.column).over(before), F.stddev_samp(item.column).over(before)
    is_known = (F.count(item.column).over(before) == item.bars) & (deviation > 0)
    return F.when(is_known, (F.col(item.column) - mean) / deviation)


@feature_column.register
def _(item: Imbalance) -> Column:
    buys, sells = _sum(item.buy, item.bars), _sum(item.sell, item.bars)
    return F.when(buys + sells == 0, 0.0).otherwise(F.try_divide(buys - sells, buys + sells))


@feature_column.register
def _(item: Ratio) -> Column:
    return F.try_divide(_sum(item.numerator, item.bars), _sum(item.denominator, item.bars))


@feature_column.register
def _(item: Volatility) -> Column:
    window = _last(item.bars)
    is_known = F.count("_return").over(window) == item.bars
    return F.when(is_known, F.sqrt(F.sum(F.col("_return") * F.col("_return")).over(window)))


@feature_column.register
def _(item: VwapDeviation) -> Column:
    volume = _sum("volume", item.bars)
    vwap = F.try_divide(_sum("_notional", item.bars), volume)
    return F.when((volume == 0) & F.col("close").isNotNull(), 0.0).otherwise(_log(F.col("close"), vwap))


@feature_column.register
def _(item: Range) -> Column:
    window = _last(item.bars)
    is_known = F.count("close").over(window) == item.bars
    return F.when(is_known, _log(F.max("high").over(window), F.min("low").over(window)))


@feature_column.register
def _(item: Intensity) -> Column:
    return _sum(item.column, item.bars) / (F.col("bar_seconds") * item.bars)


@feature_column.register
def _(item: Amihud) -> Column:
    window = _last(item.bars)
    is_known = F.count("_return").over(window) == item.bars
    moves = F.when(F.col("_notional") > 0, F.abs(F.col("_return")) / F.col("_notional"))
    return F.when(is_known, F.avg(moves).over(window) * item.per)


@feature_column.register
def _(item: KyleLambda) -> Column:
    return _slope("_return", "_signed_volume", item.bars)


@feature_column.register
def _(item: Roll) -> Column:
    window = _last(item.bars)
    is_known = F.count("_return_before").over(window) == item.bars
    covariance = F.covar_samp("_return", "_return_before").over(window)
    return F.when(is_known, 2 * F.sqrt(F.greatest(-covariance, F.lit(0.0))))


@feature_column.register
def _(item: Value) -> Column:
    return F.col(item.column)


@feature_column.register
def _(item: SecondsSince) -> Column:
    return (F.unix_micros("available_at") - F.unix_micros(item.column)) / 1e6


@feature_column.register
def _(item: TimeOfDaySine) -> Column:
    return F.sin(_day_angle())


@feature_column.register
def _(item: TimeOfDayCosine) -> Column:
    return F.cos(_day_angle())


def label_column(label: LabelSettings, future_return: Column) -> Column:
    """Value of a label, from the log return over its horizon."""
    if label.kind == "log_return":
        return future_return
    bps = future_return * 10_000
    moved = F.when(bps > label.threshold_bps, "up").when(bps < -label.threshold_bps, "down")
    return moved.when(bps.isNotNull(), "flat")


def future_log_return(n_bars: int, bar_seconds: int) -> Column:
    """Log return of close over the next ``n_bars`` bars; NULL where one of them is missing."""
    is_there = F.lead(F.unix_micros("bar_start"), n_bars).over(by_time()) == _shifted(n_bars, bar_seconds)
    return F.when(is_there, _log(F.lead("close", n_bars).over(by_time()), F.col("close")))


def is_window_full(n_bars: int, bar_seconds: int) -> Column:
    """True where the ``n_bars`` bars before are all there, without a hole."""
    first = F.lag(F.unix_micros("bar_start"), n_bars).over(by_time())
    return F.coalesce(first == _shifted(-n_bars, bar_seconds), F.lit(False))


def finite(value: Column) -> Column:
    """The value, or NULL where it is NaN or infinite (``NaN > 0`` is true in Spark)."""
    return F.when(~F.isnan(value) & (F.abs(value) < float("inf")), value)


def _shifted(n_bars: int, bar_seconds: int) -> Column:
    return F.unix_micros("bar_start") + n_bars * bar_seconds * 1_000_000


def _log(value: Column, base: Column) -> Column:
    return F.when((value > 0) & (base > 0), F.ln(value / base))


def _slope(value: str, cause: str, bars: int) -> Column:
    """Least squares over the window; NULL where a value is missing or the cause does not vary."""
    window = _last(bars)
    is_known = F.count(value).over(window) == bars
    varies = F.min(cause).over(window) < F.max(cause).over(window)
    return F.when(is_known & varies, F.covar_samp(value, cause).over(window) / F.var_samp(cause).over(window))


def _sum(column: str, bars: int) -> Column:
    return F.sum(column).over(_last(bars))


def _last(bars: int) -> WindowSpec:
    return by_time().rowsBetween(-(bars - 1), 0)


def _day_angle() -> Column:
    seconds = F.pmod(F.unix_micros("available_at"), F.lit(_DAY_SECONDS * 1_000_000)) / 1e6
    return seconds * (2 * math.pi / _DAY_SECONDS)
