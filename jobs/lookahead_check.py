"""Prove the feature set of the configuration causal, on a bounded part of the warehouse's history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jobs.lookahead_cuts import Extent, extent_of, extent_text
from jobs.lookahead_features import (
    SYMBOL,
    bar_recomputation,
    event_recomputation,
    event_transform,
    features_of_bars,
    fit_recomputation,
    fitted_scales,
)
from jobs.lookahead_report import Checked
from jobs.lookahead_sample import sample_bars, sample_events
from jobs.lookahead_versions import Version, names_side_by_side, versions_of
from jobs.normalize_scales import feature_set_of, held_scales
from jobs.resample import received_exchanges
from models.cut_points import Cut
from models.errors import DataContractError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from jobs.config import Config

Say = Callable[[str], None]
_DAY = 86_400_000_000


@dataclass(frozen=True)
class CheckOptions:
    """How thoroughly is checked.

    Attributes:
        n_cuts: Random cuts; those at gaps, borders and missing values come on top.
        n_rows: Most rows of history (bars, events or rows of a table) that are recomputed for each cut.
        seed: Of the cuts.
        tolerance: Share up to which floating-point numbers count as equal.
    """

    n_cuts: int = 10
    n_rows: int = 5_000
    seed: int = 0
    tolerance: float = 0.0


def check_feature_set(
    spark: SparkSession, config: Config, bar_seconds: int, options: CheckOptions, say: Say
) -> list[Checked]:
    """Recompute features from bars, features from orders, and the fit of the scales, without and with another future.

    Raises:
        DataContractError: there are no bars of this width, or too few to cut or to compare.
    """
    bars = sample_bars(spark, bar_seconds, options.n_rows, config.features.other_symbols)
    scales = _scales(spark, config, bars, bar_seconds, say)
    transform, before = features_of_bars(config.features, bar_seconds), config.features.bars_before
    others = config.features.of_other_symbols
    of_bars = bar_recomputation(bars, scales, transform, before, options.tolerance, others)
    extent = extent_of([of_bars.histories["bars"]], SYMBOL, _DAY, options.n_cuts, options.seed)
    say(f"bars of {bar_seconds} s: {extent_text(extent, options.seed)}")
    parts = [Checked("features of bars", of_bars.check(versions_of(extent.cuts, extent.starts)))]

    train_end = _train_end(extent, config.features.train_fraction)
    fit = fit_recomputation(bars, config.features, bar_seconds, train_end)
    at_end = Cut(train_end, "train_end")
    parts.append(Checked("fit of the scales", fit.check([Version("truncated", at_end), Version("noise", at_end)])))

    if (of_events := _check_events(spark, config, bars, scales, bar_seconds, options, say)) is not None:
        parts.append(of_events)
    require_rows(parts)
    return parts


def _check_events(
    spark: SparkSession,
    config: Config,
    bars: DataFrame,
    scales: DataFrame,
    bar_seconds: int,
    options: CheckOptions,
    say: Say,
) -> Checked | None:
    before = config.features.bars_before
    sample = sample_events(spark, bars, options.n_rows, 3 * (before + 1))
    if sample is None:
        say("there are no orders and trades of these bars: the way from orders to bars is not checked")
        return None
    # an exchange that sends `received` at all does so from the first minute, so the sample knows it
    received = received_exchanges(sample.orders)
    transform = event_transform(config.features, bar_seconds, config.bars.gap_free, received)
    inputs = sample.orders, sample.trades, sample.quotes
    check = event_recomputation(*inputs, scales, transform, config.features, options.tolerance)
    histories = [check.histories[name] for name in ("orders", "trades")]
    extent = extent_of(histories, SYMBOL, bar_seconds * 1_000_000, options.n_cuts, options.seed)
    say(f"orders and trades: {extent_text(extent, options.seed)}")
    versions = versions_of(extent.cuts, extent.starts)
    names = names_side_by_side(sorted(received), len(versions))  # else each version would have to be repeated alone
    transform = event_transform(config.features, bar_seconds, config.bars.gap_free, names)
    outcomes = replace(check, transform=transform).check(versions)
    if n_waiting := sum(one.n_waiting for one in outcomes):
        say(f"{n_waiting} bars without an event wait for the next one in a shorter history, which is no leak")
    return Checked("orders to bars to features", outcomes)


def require_rows(parts: Sequence[Checked]) -> None:
    """Refuse a proof of nothing.

    Raises:
        DataContractError: of some part no row was compared.
    """
    for part in parts:
        if not any(one.n_rows or one.changes for one in part.outcomes):
            raise DataContractError(f"no row of {part.name} was known at any cut, so nothing is proven: give more rows")


def _scales(spark: SparkSession, config: Config, bars: DataFrame, bar_seconds: int, say: Say) -> DataFrame:
    feature_set = feature_set_of(spark, config.features, config.labels)
    held = held_scales(spark, feature_set, bar_seconds)
    known = held.join(bars.select(*SYMBOL).distinct(), list(SYMBOL), "left_semi")
    if not known.isEmpty():
        say(f"feature set {feature_set} with its fitted scales")
        return known
    say("the feature set has no scales yet: they are fitted on the bars at hand")
    return fitted_scales(bars, config.features, bar_seconds)


def _train_end(extent: Extent, train_fraction: float) -> int:
    """End of the training time of the bars at hand, before their last one."""
    share = min(train_fraction, 0.9)
    return extent.first + int((extent.last - extent.first) * share)
