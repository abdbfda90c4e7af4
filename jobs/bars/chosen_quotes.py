"""Of many quotes those few that say what the book of a bar is, with the order flow of all."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from jobs.arrow_views import decimal_words, read_only, times_us
from jobs.bars.bar_columns import carried, decimals_of
from jobs.bars.bar_schema import SIZE
from jobs.bars.flow_columns import Groups
from jobs.bars.layout import empty_parts
from jobs.bars.quote_kernel import (
    DEPTH,
    FLOW,
    HAS_DEPTH,
    HAS_FLOW,
    N_QUOTE_FIELDS,
    NEWEST,
    Quotes,
    choose_quotes,
)
from jobs.bars.quote_schema import CHOSEN_SCHEMA, READ_COLUMNS
from jobs.bars.quote_values import best_values, depth_values, is_valid

_PLACE = 3  # behind time, epoch and sequence


def chosen_quotes(rows: pa.RecordBatch, bar_seconds: int) -> pa.RecordBatch:
    """Rows of ``CHOSEN_SCHEMA``: of each bar the newest of these quotes, and the newest that tells a depth.

    One tells a depth that has it and is usable, and one that says that the book is not to be trusted; a book that is
    crossed or has one side only does not say so.

    Args:
        rows: Quotes with ``READ_COLUMNS``, in any order; those of a bar may come in several batches.
        bar_seconds: Width of the bars.
    """
    groups = Groups()
    group = groups.of(rows)
    parts = empty_parts(1 << max(rows.num_rows - 1, 1).bit_length(), len(groups.names), N_QUOTE_FIELDS)
    quotes = _columns(rows, group)
    choose_quotes(parts, bar_seconds * 1_000_000, quotes)
    bars = parts.rows[: parts.n[0]]
    newest, depth = bars[:, NEWEST + _PLACE], bars[bars[:, HAS_DEPTH] > 0, DEPTH + _PLACE]
    places = np.union1d(newest, depth)
    kept, is_usable = rows.take(pa.array(places)), quotes.is_usable[places]
    columns = {
        **{name: kept.column(name) for name in READ_COLUMNS if name in CHOSEN_SCHEMA.names},
        "tells_depth": pa.array(quotes.tells_depth[places]),
        **best_values(kept, is_usable),
        **depth_values(kept, is_usable),
        "flow": _flows(bars, np.searchsorted(places, newest), len(places)),
    }
    arrays = [columns[field.name].cast(field.type) for field in CHOSEN_SCHEMA]
    return pa.RecordBatch.from_arrays(arrays, schema=CHOSEN_SCHEMA)


def _flows(bars: np.ndarray, at: np.ndarray, n: int) -> pa.Array:
    """The flow of each bar, with its newest quote."""
    words, is_there = np.zeros((n, 2), dtype=np.int64), np.zeros(n, dtype=bool)
    lower, middle, upper = carried(bars[:, FLOW : FLOW + 3])
    words[at], is_there[at] = np.stack([lower | (middle << 32), upper], axis=1), bars[:, HAS_FLOW] > 0
    return decimals_of(words, SIZE, is_there)


def _columns(rows: pa.RecordBatch, group: np.ndarray) -> Quotes:
    usable = rows.column("is_usable")
    is_usable = usable.fill_null(False).to_numpy(zero_copy_only=False)
    bid, ask = rows.column("bid_price"), rows.column("ask_price")
    (bid_words, _), (ask_words, _) = decimal_words(bid), decimal_words(ask)
    is_orderly = is_valid(bid) & is_valid(ask) & (bid_words[::2] < ask_words[::2])
    return Quotes(
        group=group,
        time_us=times_us(rows.column("event_time")),
        epoch=read_only(rows.column("epoch").to_numpy()),
        sequence=read_only(rows.column("sequence").to_numpy()),
        is_usable=read_only(is_usable),
        tells_depth=read_only(
            np.where(is_usable, is_valid(rows.column("bid_depth_prices")), is_orderly & is_valid(usable))
        ),
        flow=decimal_words(rows.column("order_flow"), SIZE),
    )
