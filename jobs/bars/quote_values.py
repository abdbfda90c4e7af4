"""What bars say of a book: middle prices, spread, depth and slope of rows of ``quotes``."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.arrow_views import DECIMAL, decimal_words, read_only
from jobs.bars.bar_columns import decimals_of, words_of_sums
from jobs.bars.bar_schema import SIZE
from jobs.bars.quote_kernel import measure_depths
from jobs.bars.quote_schema import BEST

_UNITS, _BPS = 1e8, 10_000


def best_values(rows: pa.RecordBatch, is_usable: np.ndarray) -> dict[str, pa.Array]:
    """Best prices and sizes, and what follows from them; NULL in rows that are not usable, as ``sql/ddl/bars.sql``."""
    bid, bid_size, ask, ask_size = (_doubles(rows.column(name)) for name in BEST)
    mid, has_mid = _mid(rows)
    has_all = has_mid & is_valid(rows.column("bid_size")) & is_valid(rows.column("ask_size"))
    with np.errstate(divide="ignore", invalid="ignore"):
        microprice = (bid * ask_size + ask * bid_size) / (bid_size + ask_size)
        spread_bps = (ask - bid) / mid * _BPS
    best = {name: pc.if_else(pa.array(is_usable), rows.column(name).cast(DECIMAL), None) for name in BEST}
    return best | {
        "mid": _numbers(mid, is_usable & has_mid),
        "microprice": _numbers(microprice, is_usable & has_all),
        "spread_bps": _numbers(spread_bps, is_usable & has_mid),
    }


def depth_values(rows: pa.RecordBatch, is_usable: np.ndarray) -> dict[str, pa.Array]:
    """Sizes of the depths and their slopes; NULL in rows that are not usable, or without a size for each price."""
    values = {}
    mids, has_mid = _mid(rows)
    for side in ("bid", "ask"):
        prices, sizes = (rows.column(f"{side}_depth_{name}") for name in ("prices", "sizes"))
        is_there = is_usable & pc.equal(pc.list_value_length(prices), pc.list_value_length(sizes)).fill_null(False)
        kept = pa.array(is_there)
        prices, sizes = (pc.if_else(kept, lists, None) for lists in (prices, sizes))
        totals, slopes = np.zeros((len(rows), 2), dtype=np.int64), np.zeros(len(rows))
        offsets = np.concatenate([[0], np.cumsum(pc.list_value_length(prices).fill_null(0).to_numpy())])
        levels = (decimal_words(lists.flatten())[0] for lists in (prices, sizes))
        measure_depths(read_only(offsets), *levels, read_only(mids), totals, slopes)
        values[f"{side}_depth"] = decimals_of(words_of_sums(totals), SIZE, is_there)
        values[f"{side}_slope"] = _numbers(slopes, is_there & has_mid)
    return values


def is_valid(values: pa.Array) -> np.ndarray:
    """Where a value is not NULL."""
    found: np.ndarray = values.is_valid().to_numpy(zero_copy_only=False)
    return found


def _mid(rows: pa.RecordBatch) -> tuple[np.ndarray, np.ndarray]:
    """The mid, and where it is one."""
    bid, ask = rows.column("bid_price"), rows.column("ask_price")
    return (_doubles(bid) + _doubles(ask)) / 2, is_valid(bid) & is_valid(ask)


def _doubles(values: pa.Array) -> np.ndarray:
    """Units of 1e-8 as a number; anything where there is none."""
    words, _ = decimal_words(values)
    return words[::2] / _UNITS


def _numbers(values: np.ndarray, is_there: np.ndarray) -> pa.Array:
    """A division by 0 is NULL."""
    return pa.array(values, mask=~(is_there & np.isfinite(values)))
