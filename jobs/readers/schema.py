"""Shape of what a reader returns: columns of ``orders`` that come from the message, and the place of the line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from jobs.readers.message_columns import FUNDS, INSTANT, PRICE
from jobs.readers.refusal import Refusal

EVENT_FIELDS = [
    pa.field("symbol", pa.string()),
    pa.field("epoch", pa.int64()),
    pa.field("sequence", pa.int64()),
    pa.field("event", pa.string()),
    pa.field("event_time", INSTANT),
    pa.field("order_id", pa.string()),
    pa.field("side", pa.string()),
    pa.field("order_type", pa.string()),
    pa.field("price", PRICE),
    pa.field("size", PRICE),
    pa.field("old_size", PRICE),
    pa.field("remaining_size", PRICE),
    pa.field("funds", FUNDS),
    pa.field("reason", pa.string()),
    pa.field("trade_id", pa.int64()),
    pa.field("maker_order_id", pa.string()),
    pa.field("taker_order_id", pa.string()),
    pa.field("snapshot", pa.string()),
]
PLACE_FIELDS = [
    pa.field("file_index", pa.int32()),  # position of the file in the run
    pa.field("line_number", pa.int64()),  # from 1
    pa.field("byte_offset", pa.int64()),  # in the uncompressed file
    pa.field("kind", pa.string()),  # event, refused, or report: the last row of a file, its FileReport as JSON
    pa.field("code", pa.string()),  # of a refused line
    pa.field("refusal_reason", pa.string()),
    pa.field("raw_text", pa.string()),  # the line; of a report its JSON
]
READ_SCHEMA = pa.schema(PLACE_FIELDS + EVENT_FIELDS)


@dataclass(frozen=True)
class ReadLines:
    """What became of a batch of lines: one element a line in each column; ``refusals`` by position in the batch.

    A column that the format never fills is left out of ``columns``. The values of a refused line mean nothing.
    """

    columns: dict[str, pa.Array]
    refusals: dict[int, Refusal]
    unknown_fields: set[str]
    is_open_end: np.ndarray  # True for a line that is not complete JSON: a cut line, where it is the last
