"""The price levels of a side in order: a sorted list of sorted blocks, the best level last in the last block.

Finding takes two binary searches, an insert moves at most one block and the list of blocks: cheap at any depth, and
cheapest near the best price, where most events are. The sort key is the price of a bid and minus the price of an ask.
"""

from jobs.book.layout import (
    BLOCK,
    BLOCKS_USED,
    BUY,
    ENTERED_SUM_US,
    FIRST,
    FREE_BLOCK,
    FREE_LEVEL,
    LAST,
    LEVEL_SIZE,
    LEVELS_USED,
    N_BLOCKS_BUY,
    N_ORDERS,
    NEXT_FREE,
    NONE,
    PRICE,
    SIDE,
)
from jobs.book.places import field_of, place_of, top_of
from models.compiled import lean_part


@lean_part
def best_level(book, side):  # type: ignore[no-untyped-def]
    """Level with the best price of a side, NONE where it is empty."""
    n_blocks = book.header[N_BLOCKS_BUY + side]
    if n_blocks == 0:
        return NONE
    block = book.tops[top_of(side, n_blocks - 1)]
    return int(book.block_levels[place_of(block, book.block_sizes[block] - 1)])


@lean_part
def _find(book, side, key):  # type: ignore[no-untyped-def]
    # Place of the block among the blocks of the side, and in it the first place whose key is not below `key`.
    tops, keys = book.tops, book.block_keys
    low, high = 0, book.header[N_BLOCKS_BUY + side] - 1
    if keys[place_of(tops[top_of(side, high)], 0)] <= key:
        low = high
    while low < high:  # the last block that begins at or below the key
        middle = (low + high + 1) // 2
        if keys[place_of(tops[top_of(side, middle)], 0)] <= key:
            low = middle
        else:
            high = middle - 1
    block = tops[top_of(side, low)]
    first, end = 0, book.block_sizes[block]
    while first < end:
        middle = (first + end) // 2
        if keys[place_of(block, middle)] < key:
            first = middle + 1
        else:
            end = middle
    return low, first


@lean_part
def find_level(book, side, price):  # type: ignore[no-untyped-def]
    """Level of a price, NONE where no order waits there."""
    if book.header[N_BLOCKS_BUY + side] == 0:
        return NONE
    key = price if side == BUY else -price
    top, place = _find(book, side, key)
    block = book.tops[top_of(side, top)]
    if place < book.block_sizes[block] and book.block_keys[place_of(block, place)] == key:
        return int(book.block_levels[place_of(block, place)])
    return NONE


@lean_part
def _new_block(book, side, at):  # type: ignore[no-untyped-def]
    header, tops = book.header, book.tops
    block = header[FREE_BLOCK]
    if block == NONE:
        block = header[BLOCKS_USED]
        header[BLOCKS_USED] += 1
    else:
        header[FREE_BLOCK] = book.block_sizes[block]
    for place in range(header[N_BLOCKS_BUY + side], at, -1):
        tops[top_of(side, place)] = tops[top_of(side, place - 1)]
    tops[top_of(side, at)] = block
    header[N_BLOCKS_BUY + side] += 1
    book.block_sizes[block] = 0
    return block


@lean_part
def _split(book, side, top):  # type: ignore[no-untyped-def]
    block, later = book.tops[top_of(side, top)], _new_block(book, side, top + 1)
    half = BLOCK // 2
    for place in range(half, BLOCK):
        book.block_keys[place_of(later, place - half)] = book.block_keys[place_of(block, place)]
        book.block_levels[place_of(later, place - half)] = book.block_levels[place_of(block, place)]
    book.block_sizes[block] = half
    book.block_sizes[later] = BLOCK - half


@lean_part
def new_level(book, side, price):  # type: ignore[no-untyped-def]
    """An empty level for a price that has none; there must be room."""
    header, levels = book.header, book.levels
    level = header[FREE_LEVEL]
    if level == NONE:
        level = header[LEVELS_USED]
        header[LEVELS_USED] += 1
    else:
        header[FREE_LEVEL] = levels[field_of(level, NEXT_FREE)]
    levels[field_of(level, PRICE)] = price
    levels[field_of(level, SIDE)] = side
    levels[field_of(level, LEVEL_SIZE)] = 0
    levels[field_of(level, N_ORDERS)] = 0
    levels[field_of(level, ENTERED_SUM_US)] = 0
    levels[field_of(level, FIRST)] = NONE
    levels[field_of(level, LAST)] = NONE
    key = price if side == BUY else -price
    if header[N_BLOCKS_BUY + side] == 0:
        _new_block(book, side, 0)
    top, place = _find(book, side, key)
    if book.block_sizes[book.tops[top_of(side, top)]] == BLOCK:
        _split(book, side, top)
        top, place = _find(book, side, key)
    block = book.tops[top_of(side, top)]
    for at in range(book.block_sizes[block], place, -1):
        book.block_keys[place_of(block, at)] = book.block_keys[place_of(block, at - 1)]
        book.block_levels[place_of(block, at)] = book.block_levels[place_of(block, at - 1)]
    book.block_keys[place_of(block, place)] = key
    book.block_levels[place_of(block, place)] = level
    book.block_sizes[block] += 1
    return level


@lean_part
def drop_level(book, level):  # type: ignore[no-untyped-def]
    """Take a level out of the order of prices and free it."""
    header, levels, tops = book.header, book.levels, book.tops
    side, price = levels[field_of(level, SIDE)], levels[field_of(level, PRICE)]
    top, place = _find(book, side, price if side == BUY else -price)
    block = tops[top_of(side, top)]
    size = book.block_sizes[block] - 1
    for at in range(place, size):
        book.block_keys[place_of(block, at)] = book.block_keys[place_of(block, at + 1)]
        book.block_levels[place_of(block, at)] = book.block_levels[place_of(block, at + 1)]
    book.block_sizes[block] = size
    if size == 0:
        header[N_BLOCKS_BUY + side] -= 1
        for at in range(top, header[N_BLOCKS_BUY + side]):
            tops[top_of(side, at)] = tops[top_of(side, at + 1)]
        book.block_sizes[block] = header[FREE_BLOCK]
        header[FREE_BLOCK] = block
    levels[field_of(level, NEXT_FREE)] = header[FREE_LEVEL]
    header[FREE_LEVEL] = level
