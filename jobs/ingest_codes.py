"""Codes of refused input lines, with what each means and what to do; ``orders__quarantine.code`` is one."""

CODES = {
    "NOT_UTF8": "The line holds bytes that are not UTF-8; write the file as UTF-8.",
    "NUL_BYTE": "The line holds NUL bytes, as a power cut leaves them; take the file from its source again.",
    "LINE_TOO_LONG": "The line is longer than 4 MiB and only its start is kept; one message belongs on one line.",
    "NOT_A_LOG_LINE": "The line is not '<receive time in epoch ms> <event> <JSON>'; check the format.",
    "NOT_CSV": "The line does not have the columns of the file; check the delimiter, and that no line was cut.",
    "NOT_JSON": "The line is not one valid JSON text; check that the format fits and that no line was cut or joined.",
    "NOT_AN_OBJECT": "The JSON text is not an object; one message is one object in braces.",
    "DUPLICATE_KEY": "The JSON object names a field twice, so its value is ambiguous; mend the writer of the file.",
    "UNKNOWN_EVENT": "The event is none that the reader knows; check that the format fits.",
    "MISSING_FIELD": "A field that this event needs is absent or null; check whether the feed renamed it.",
    "BAD_VALUE": "A field holds a value outside its list or of another JSON type; check the format of the feed.",
    "BAD_SEQUENCE": "A number of a message or trade is not a whole number from 0 to 2^63 - 1; check the feed.",
    "BAD_NUMBER": "A price or amount is not a finite decimal number; mend the writer of the file.",
    "BAD_PRICE": "The price is zero or negative; such an order cannot be in a book.",
    "BAD_SIZE": "The amount is negative, or zero where something must have been traded.",
    "OVER_PRECISE": "The number has more decimals than the column and is not rounded; check the unit of the feed.",
    "TOO_LARGE": "The number does not fit the column; check the unit of the feed.",
    "BAD_TIME": "The time cannot be read, or lies before 2009 or more than a day ahead; check its unit and the clock.",
    "KEY_CONFLICT": "Another event already holds this sequence number; the one read first stays, check the recorder.",
    "NOT_AN_ORDER_EVENT": "The message belongs to the feed but tells nothing about an order; nothing needs to be done.",
    "BLANK_LINE": "The line is blank; nothing needs to be done.",
    "HEADER_LINE": "The line names the columns; nothing needs to be done.",
}
# These are kept and counted like every refused line, but say nothing against the file: --max-bad leaves them out.
HARMLESS = frozenset({"NOT_AN_ORDER_EVENT", "BLANK_LINE", "HEADER_LINE"})
