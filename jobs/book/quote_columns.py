"""Rows of the kernel as Arrow columns of ``quotes``."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from jobs.book.layout import (
    BUY,
    FIRST_US,
    N_SIDE_FIELDS,
    NO_FLOW,
    NONE,
    ROW_AHEAD,
    ROW_DEPTH,
    ROW_FIRST_SIZE_BUY,
    ROW_FIRST_US_BUY,
    ROW_FLOW,
    ROW_IS_CHANGE,
    ROW_MEAN_SUM_US_BUY,
    ROW_N_UNKNOWN,
    ROW_ORDERS_BUY,
    ROW_PRICE_BUY,
    ROW_PRICE_SELL,
    ROW_SEQUENCE,
    ROW_SIDE,
    ROW_SIZE_BUY,
    ROW_STATE,
    ROW_TIME_US,
    SELL,
    STATES,
    UNSEEDED,
    VALID,
)

PRICE = pa.decimal128(18, 8)
FLOW = pa.decimal128(38, 8)
INSTANT = pa.timestamp("us", tz="UTC")
_SIDES = {"bid": BUY, "ask": SELL}


def _side_fields(name: str) -> list[pa.Field]:
    return [
        pa.field(f"{name}_price", PRICE),
        pa.field(f"{name}_size", PRICE),
        pa.field(f"{name}_orders", pa.int64()),
        pa.field(f"{name}_first_size", PRICE),
        pa.field(f"{name}_first_age_seconds", pa.float64()),
        pa.field(f"{name}_mean_age_seconds", pa.float64()),
        pa.field(f"{name}_queue_ahead", PRICE),
        pa.field(f"{name}_depth_prices", pa.list_(PRICE)),
        pa.field(f"{name}_depth_sizes", pa.list_(PRICE)),
    ]


QUOTE_SCHEMA = pa.schema(
    [
        pa.field("sequence", pa.int64()),
        pa.field("event_time", INSTANT),
        pa.field("state", pa.string()),
        pa.field("is_usable", pa.bool_()),
        pa.field("is_crossed", pa.bool_()),
        pa.field("is_locked", pa.bool_()),
        pa.field("is_change", pa.bool_()),
        *_side_fields("bid"),
        *_side_fields("ask"),
        pa.field("n_unknown", pa.int64()),
        pa.field("order_flow", FLOW),
    ]
)


def quote_columns(rows: np.ndarray, depth: np.ndarray, header: np.ndarray, warm_us: int) -> pa.RecordBatch:
    """Rows of ``QUOTE_SCHEMA``.

    Args:
        rows: What the kernel wrote, see ``layout.py``.
        depth: int64[depth rows, side, level, (price, size)].
        header: Of the book, for the time of its first event.
        warm_us: For how long a book without a seed is not usable.
    """
    first_us = int(header[FIRST_US])
    time_us, state = rows[ROW_TIME_US].copy(), rows[ROW_STATE]
    bid, ask = rows[ROW_PRICE_BUY], rows[ROW_PRICE_SELL]
    has_both = (bid > 0) & (ask > 0)
    is_crossed, is_locked = has_both & (bid > ask), has_both & (bid == ask)
    is_trusted = (state == VALID) | ((state == UNSEEDED) & (time_us - first_us >= warm_us))
    columns = {
        "sequence": pa.array(rows[ROW_SEQUENCE].copy()),
        "event_time": pa.array(time_us).cast(pa.timestamp("us")).cast(INSTANT),
        "state": pa.array(STATES).take(pa.array(state)),
        "is_usable": pa.array(is_trusted & has_both & (bid < ask)),
        "is_crossed": pa.array(is_crossed),
        "is_locked": pa.array(is_locked),
        "is_change": pa.array(rows[ROW_IS_CHANGE] != 0),
        "n_unknown": pa.array(rows[ROW_N_UNKNOWN].copy()),
        "order_flow": decimals(rows[ROW_FLOW], rows[ROW_FLOW] != NO_FLOW, FLOW),
    }
    for name, side in _SIDES.items():
        columns |= _side_columns(name, side, rows, time_us - first_us)
        columns |= _depth_columns(name, depth[:, side], rows[ROW_DEPTH])
    return pa.RecordBatch.from_arrays([columns[field.name] for field in QUOTE_SCHEMA], schema=QUOTE_SCHEMA)


def _side_columns(name: str, side: int, rows: np.ndarray, time_us: np.ndarray) -> dict[str, pa.Array]:
    at = N_SIDE_FIELDS * side
    price, n_orders = rows[ROW_PRICE_BUY + at], rows[ROW_ORDERS_BUY + at]
    is_there = price > 0
    n_or_one = np.where(is_there, n_orders, 1)
    mean_us = (n_or_one * time_us - rows[ROW_MEAN_SUM_US_BUY + at]) / n_or_one
    return {
        f"{name}_price": decimals(price, is_there),
        f"{name}_size": decimals(rows[ROW_SIZE_BUY + at], is_there),
        f"{name}_orders": pa.array(n_orders.copy()),
        f"{name}_first_size": decimals(rows[ROW_FIRST_SIZE_BUY + at], is_there),
        f"{name}_first_age_seconds": pa.array((time_us - rows[ROW_FIRST_US_BUY + at]) / 1e6, mask=~is_there),
        f"{name}_mean_age_seconds": pa.array(mean_us / 1e6, mask=~is_there),
        f"{name}_queue_ahead": decimals(rows[ROW_AHEAD], rows[ROW_SIDE] == side),
    }


def _depth_columns(name: str, depth: np.ndarray, depth_rows: np.ndarray) -> dict[str, pa.Array]:
    """Lists of prices and of sizes, best first; NULL in the rows without depth."""
    is_level = depth[:, :, 0] > 0
    has_depth = depth_rows != NONE
    lengths = np.zeros(len(depth_rows) + 1, dtype=np.int64)
    lengths[1:][has_depth] = is_level.sum(axis=1)
    offsets = pa.array(np.cumsum(lengths).astype(np.int32))
    parts = {}
    for place, part in enumerate(("prices", "sizes")):
        values = depth[:, :, place][is_level]
        lists = pa.ListArray.from_arrays(
            offsets, decimals(values, np.ones(len(values), dtype=bool)), mask=pa.array(~has_depth)
        )
        parts[f"{name}_depth_{part}"] = lists
    return parts


def decimals(units: np.ndarray, is_there: np.ndarray, kind: pa.Decimal128Type = PRICE) -> pa.Array:
    """DECIMAL of ``kind`` from units of 1e-8; NULL where nothing is there."""
    words = np.empty((len(units), 2), dtype=np.int64)
    words[:, 0] = units
    words[:, 1] = units >> 63  # the sign goes on
    validity = None if is_there.all() else pa.py_buffer(np.packbits(is_there, bitorder="little"))
    return pa.Array.from_buffers(kind, len(units), [validity, pa.py_buffer(words)])
