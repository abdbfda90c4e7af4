"""The compiled passes over trades and orders. What they count is said in ``flow_columns.py``."""

from jobs.bars.layout import (
    CANCEL,
    CLOSE,
    CLOSE_EPOCH,
    CLOSE_SEQUENCE,
    CLOSE_US,
    DONE,
    FLOWS,
    GROUP,
    HAS_PRICE,
    HIGH,
    LAST_EVENT_US,
    LAST_TRADE_US,
    LIMIT,
    LOW,
    MARKET,
    N_FIELDS,
    N_FLOW_FIELDS,
    N_TRADES,
    NO_SIDE,
    NONE,
    NOTIONAL,
    OPEN,
    OPEN_EPOCH,
    OPEN_SEQUENCE,
    OPEN_US,
    OPENED,
    RECEIVED,
    START_US,
    TRADE,
    VOLUME,
)
from models.compiled import lean_kernel, lean_part

_LOWER = 0xFFFFFFFF  # 32 bits


@lean_part
def _place(parts, group, start_us):  # type: ignore[no-untyped-def]
    # Where the row of this group and bar stands in ``places``, or the empty place where it belongs.
    mask = len(parts.places) - 1
    mixed = (start_us // 1_000_000) * 0x9E3779B1 + group * 0x85EBCA6B
    at = (mixed ^ (mixed >> 17)) & mask
    while True:
        slot = parts.places[at]
        if slot == NONE or (parts.rows[slot, GROUP] == group and parts.rows[slot, START_US] == start_us):
            return at
        at = (at + 1) & mask


@lean_part
def slot_of(parts, group, time_us, width_us):  # type: ignore[no-untyped-def]
    """The row of the bar that an instant falls into, made where it is not there yet; NONE without room for it."""
    rows = parts.rows
    slot = parts.newest[group]
    if slot != NONE and 0 <= time_us - rows[slot, START_US] < width_us:
        return slot
    start_us = time_us // width_us * width_us
    at = _place(parts, group, start_us)
    slot = parts.places[at]
    if slot == NONE:
        slot = parts.n[0]
        if slot == len(rows):
            return NONE
        parts.n[0] += 1
        parts.places[at] = slot
        rows[slot, GROUP] = group
        rows[slot, START_US] = start_us
        rows[slot, LAST_EVENT_US] = time_us
    parts.newest[group] = slot
    return slot


@lean_part
def _add_size(row, at, size):  # type: ignore[no-untyped-def]
    row[at] += size & _LOWER
    row[at + 1] += size >> 32


@lean_part
def _count(row, kind, side, size):  # type: ignore[no-untyped-def]
    if side != NO_SIDE:
        at = FLOWS + N_FLOW_FIELDS * (2 * kind + side)
        row[at] += 1
        _add_size(row, at + 1, size)


@lean_part
def _add_product(row, price, size):  # type: ignore[no-untyped-def]
    # price = p1 * 2^32 + p0, size = s1 * 2^32 + s0; the lower words have no sign.
    p1, p0, s1, s0 = price >> 32, price & _LOWER, size >> 32, size & _LOWER
    least, middle, most = p0 * s0, p1 * s0 + p0 * s1, p1 * s1
    row[NOTIONAL] += least & _LOWER
    row[NOTIONAL + 1] += ((least >> 32) & _LOWER) + (middle & _LOWER)
    row[NOTIONAL + 2] += (middle >> 32) + (most & _LOWER)
    row[NOTIONAL + 3] += most >> 32


@lean_part
def is_before(us, epoch, sequence, row, at):  # type: ignore[no-untyped-def]
    """Whether an event comes before the one whose time, epoch and sequence stand at a place of the row."""
    if us != row[at]:
        return us < row[at]
    if epoch != row[at + 1]:
        return epoch < row[at + 1]
    return sequence < row[at + 2]


@lean_part
def _see_open(row, us, epoch, sequence, price):  # type: ignore[no-untyped-def]
    if row[HAS_PRICE] == 0 or is_before(us, epoch, sequence, row, OPEN_US):
        row[OPEN_US], row[OPEN_EPOCH], row[OPEN_SEQUENCE], row[OPEN] = us, epoch, sequence, price


@lean_part
def _see_close(row, us, epoch, sequence, price):  # type: ignore[no-untyped-def]
    if row[HAS_PRICE] == 0 or not is_before(us, epoch, sequence, row, CLOSE_US):
        row[CLOSE_US], row[CLOSE_EPOCH], row[CLOSE_SEQUENCE], row[CLOSE] = us, epoch, sequence, price


@lean_part
def _see_range(row, high, low):  # type: ignore[no-untyped-def]
    # Comes after open and close: it says that the row has a price.
    if row[HAS_PRICE] == 0 or high > row[HIGH]:
        row[HIGH] = high
    if row[HAS_PRICE] == 0 or low < row[LOW]:
        row[LOW] = low
    row[HAS_PRICE] = 1


@lean_part
def _see_trade(row, us):  # type: ignore[no-untyped-def]
    # Comes before the trade is counted.
    if row[N_TRADES] == 0 or us > row[LAST_TRADE_US]:
        row[LAST_TRADE_US] = us


@lean_part
def _has(column, i):  # type: ignore[no-untyped-def]
    # An Arrow decimal is two words, of which the lower holds every DECIMAL(18, 8).
    return len(column[1]) == 0 or column[1][i] != 0


@lean_kernel
def add_trades(parts, first, width_us, trades):  # type: ignore[no-untyped-def]
    """Add trades from row ``first`` on; returns where it stopped for want of room, or their number."""
    for i in range(first, len(trades.time_us)):
        time_us = trades.time_us[i]
        slot = slot_of(parts, trades.group[i], time_us, width_us)
        if slot == NONE:
            return i
        row = parts.rows[slot]
        row[LAST_EVENT_US] = max(row[LAST_EVENT_US], time_us)
        _see_trade(row, time_us)
        row[N_TRADES] += 1
        has_size = _has(trades.size, i)
        size = trades.size[0][2 * i] if has_size else 0
        _add_size(row, VOLUME, size)
        _count(row, TRADE, trades.side[i], size)
        if _has(trades.price, i):
            price = trades.price[0][2 * i]
            _see_open(row, time_us, trades.epoch[i], trades.sequence[i], price)
            _see_close(row, time_us, trades.epoch[i], trades.sequence[i], price)
            _see_range(row, price, price)
            _add_product(row, price, size)
    return len(trades.time_us)


@lean_part
def _kind(orders, i):  # type: ignore[no-untyped-def]
    event = orders.event[i]
    if event == DONE:
        return CANCEL if orders.is_canceled[i] and _has(orders.price, i) else NONE
    if event == OPENED:
        return LIMIT if orders.enters_by_open[orders.group[i]] else NONE
    if event != RECEIVED:
        return NONE
    is_limit = orders.is_limit[i]  # NONE where no type is sent
    if is_limit == NONE:
        is_limit = _has(orders.price, i)
    return LIMIT if is_limit else MARKET


@lean_part
def _entered(orders, i, kind):  # type: ignore[no-untyped-def]
    if kind != CANCEL and _has(orders.size, i):
        return orders.size[0][2 * i]
    return orders.remaining_size[0][2 * i] if _has(orders.remaining_size, i) else 0


@lean_kernel
def add_orders(parts, first, width_us, orders):  # type: ignore[no-untyped-def]
    """Add order events from row ``first`` on; returns where it stopped for want of room, or their number."""
    for i in range(first, len(orders.time_us)):
        kind = _kind(orders, i)
        if kind == NONE:
            continue
        time_us = orders.time_us[i]
        slot = slot_of(parts, orders.group[i], time_us, width_us)
        if slot == NONE:
            return i
        row = parts.rows[slot]
        row[LAST_EVENT_US] = max(row[LAST_EVENT_US], time_us)
        _count(row, kind, orders.side[i], _entered(orders, i, kind))
    return len(orders.time_us)


@lean_kernel
def add_parts(parts, first, width_us, others):  # type: ignore[no-untyped-def]
    """Add parts of a group, ``others``, from row ``first`` on; returns as ``add_trades``."""
    group, others_rows = others
    for i in range(first, len(others_rows)):
        other = others_rows[i]
        slot = slot_of(parts, group, other[START_US], width_us)
        if slot == NONE:
            return i
        row = parts.rows[slot]
        row[LAST_EVENT_US] = max(row[LAST_EVENT_US], other[LAST_EVENT_US])
        if other[N_TRADES]:
            _see_trade(row, other[LAST_TRADE_US])
            row[N_TRADES] += other[N_TRADES]
        if other[HAS_PRICE]:
            _see_open(row, other[OPEN_US], other[OPEN_EPOCH], other[OPEN_SEQUENCE], other[OPEN])
            _see_close(row, other[CLOSE_US], other[CLOSE_EPOCH], other[CLOSE_SEQUENCE], other[CLOSE])
            _see_range(row, other[HIGH], other[LOW])
        for field in range(NOTIONAL, N_FIELDS):  # sums
            row[field] += other[field]
    return len(others_rows)


@lean_kernel
def find_places(parts):  # type: ignore[no-untyped-def]
    """Fill ``places``, which are empty, for the rows."""
    for slot in range(parts.n[0]):
        parts.places[_place(parts, parts.rows[slot, GROUP], parts.rows[slot, START_US])] = slot
