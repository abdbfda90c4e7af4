"""Hypothesis strategies of damaged input files: valid messages of a format, then mutations of lines and of the file."""

import gzip
import json
import zlib

from hypothesis import strategies as st

START_SECONDS = 1_430_438_404
ODD_VALUES = [
    None, "", "0", "-0", "-1", "1e400", "1e300", "99999999999", "9999999999.99999999", "1e-9", "0.123456789", "NaN",
    "Infinity", "0x10", "12,5", " 1", "1_000", "\uff11", "\ud800", "\u0000", "a\nb", "x" * 70_000, "é🙂", 0, 1.5, -3,
    10**30, 2**63, 2**63 - 1, float("nan"), float("inf"), True, False, [], [1], {}, {"a": {"a": [None]}}, [["1", "2"]],
    [["1", "x"]], "sell", "market", "change", "match", "filled", "9223372036854775807", "9223372036854775808",
    "2099-01-01T00:00:00Z", "2008-12-31T23:59:59Z", "2018-02-30T00:00:00Z", "2018-03-25T00:00:00", "1521936000123456789",
    "2018-03-25T09:00:00.5+09:00", "1.78855669000000010", 1.7885566900000001,
]  # fmt: skip
FIELDS = {
    "coinbase_full": [
        "type", "product_id", "sequence", "time", "order_id", "side", "order_type", "price", "size", "old_size",
        "new_size", "new_price", "new_funds", "remaining_size", "funds", "reason", "trade_id", "maker_order_id", "odd",
    ],
    "bitstamp_log": ["id", "price", "amount", "order_type", "datetime", "bids", "asks", "odd"],
}  # fmt: skip
ODD_LINES = [
    b"", b" \t", "\u2003".encode(), b"[1]", b'"x"', b"5", b"null", b"nan", b"connection reset by peer", b"[" * 50_000,
    b'{"a":' * 50_000, b'{"type":"heartbeat"}', b'{"type":["open"]}', b"\0" * 300, b"\xff\xfe{\0}\0", b"\xef\xbb\xbf{}",
    b'{"odd":{"a":1,"a":2}}', b"1430438404518 trade", b"1430438404518  {}", b"1430438404518 order_moved {}",
    "²30438404518 trade {}".encode(), b'99999999999999999999999 trade {"id":1,"price":1,"amount":1}', b"{}" * 600_000,
    b'{"odd":"' + b"y" * (1 << 22) + b'"}', b'1430438404519 order_book {"bids":[["1","2"],["1"]],"asks":[]}',
    b'1430438404519 order_book {"bids":[["1","2.5"]],"asks":[]}',
]  # fmt: skip
SEPARATORS = [b"\n", b"\n", b"\n", b"\r\n", b"\n\n", b"", b"\r", b"\r\r\n"]


def message(format_, number):
    """Message of a number: everywhere the same, so that two files repeat each other."""
    kinds = _coinbase(number) if format_ == "coinbase_full" else _bitstamp(number)
    return kinds[number % len(kinds)]


def _coinbase(number):
    time = f"2018-03-25T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.{number % 1000:03}000Z"
    facts = {"product_id": ("BTC-USD", "ETH-USD")[number % 2], "sequence": number, "time": time}
    order = {"order_id": f"order-{number // 4}", "side": ("buy", "sell")[number % 3 % 2], "price": f"{100 + number}.25"}
    return [
        {"type": "received", **facts, **order, "size": "1.50000000", "order_type": "limit"},
        {"type": "received", **facts, "order_id": "m", "side": "buy", "funds": "26.4567149388", "order_type": "market"},
        {"type": "open", **facts, **order, "remaining_size": "0.5"},
        {"type": "done", **facts, **order, "reason": "canceled", "remaining_size": "0"},
        {"type": "change", **facts, **order, "old_size": "3", "new_size": "1.25"},
        {"type": "match", **facts, "trade_id": number, "maker_order_id": "m", "taker_order_id": "t", "size": "0.5",
         "side": "sell", "price": "100"},
    ]  # fmt: skip


def _bitstamp(number):
    order = {"price": f"{236 + number}.47", "amount": "2.00000000", "id": number, "order_type": number % 2}
    milliseconds = START_SECONDS * 1000 + 518 + number
    events = {
        "order_created": order,
        "order_changed": order | {"amount": "1.78855669"},
        "order_deleted": order | {"amount": "0.00000000"},
        "trade": {"price": 236.47, "amount": 1.7885566900000001, "id": number},
        "order_book": {"bids": [["1.5", "2"]], "asks": [], "timestamp": str(number)},
    }
    return [(f"{milliseconds} {event}", fields) for event, fields in events.items()]


def line(format_, one):
    """The bytes of a message."""
    if format_ == "coinbase_full":
        return json.dumps(one).encode()
    return f"{one[0]} {json.dumps(one[1])}".encode()


def _places(last=1 << 16):
    return st.integers(0, last)


def line_mutations(format_):
    field = st.sampled_from(FIELDS[format_])
    return st.one_of(
        *[st.tuples(st.just("set"), _places(), field, st.sampled_from(range(len(ODD_VALUES))))] * 6,
        st.tuples(st.just("drop"), _places(), field),
        st.tuples(st.just("twice"), _places(), field),
        st.tuples(st.just("cut"), _places(), _places()),
        st.tuples(st.just("insert"), _places(), _places(), st.binary(min_size=1, max_size=3)),
        st.tuples(st.just("insert"), _places(), _places(), st.sampled_from([b"\0", b"\xff", b" ", b"}", b'"', b"\r"])),
        st.tuples(st.just("replace"), _places(), _places(), st.binary(min_size=1, max_size=1)),
        st.tuples(st.just("repeat"), _places(), _places()),
        st.tuples(st.just("swap"), _places(), _places()),
        st.tuples(st.just("remove"), _places()),
        st.tuples(st.just("line"), _places(), st.sampled_from(range(len(ODD_LINES)))),
        st.tuples(st.just("separator"), _places(), st.sampled_from(SEPARATORS)),
    )


FILE_MUTATIONS = st.one_of(
    st.tuples(st.just("end"), _places()),
    st.tuples(st.just("separator"), st.sampled_from(SEPARATORS)),
    st.tuples(st.just("mark")),
    st.tuples(st.just("tail"), st.sampled_from([b"\n", b"\n\n", b"\0" * 200, b"\xff", b"{", b" "])),
)
PACKINGS = st.one_of(
    st.just(("plain",)),
    st.just(("gzip",)),
    st.tuples(st.just("members"), _places()),
    st.tuples(st.just("truncated"), _places()),
    st.tuples(st.just("corrupt"), _places(), st.integers(1, 255)),
    st.tuples(st.just("behind"), st.sampled_from([b"\0" * 512, b"garbage", b"\x1f\x8b"])),
)


def recipes(format_):
    """What ``built`` makes a file of; its bytes would be too long to be shown where a test fails."""
    return st.tuples(
        st.integers(0, 4_000),
        st.integers(0, 24),
        st.lists(line_mutations(format_), max_size=6),
        st.lists(FILE_MUTATIONS, max_size=2),
        PACKINGS,
    )


def built(format_, start, n_lines, mutations, of_file, packing):
    """Bytes of a file."""
    messages = [message(format_, start + i) for i in range(n_lines)]
    rows = [[one, None, b"\n"] for one in messages]  # message, its bytes once these are changed, and what follows
    for kind, place, *rest in mutations:
        if rows:
            _mutate(format_, rows, kind, place % len(rows), *rest)
    for kind, *rest in of_file:
        if kind == "separator":
            rows = [[one, data, rest[0]] for one, data, _ in rows]
    text = b"".join((line(format_, one) if data is None else data) + end for one, data, end in rows)
    for kind, *rest in of_file:
        if kind == "end":
            text = text[: len(text) - rest[0] % 200]
        elif kind == "mark":
            text = b"\xef\xbb\xbf" + text
        elif kind == "tail":
            text += rest[0]
    return _packed(text, *packing)


def _mutate(format_, rows, kind, at, *rest):
    one, data, end = rows[at]
    if kind in ("set", "drop", "twice"):
        rows[at][1] = _with_field(format_, one, kind, *rest)
        return
    data = line(format_, one) if data is None else data
    cut = rest[0] % (len(data) + 1) if rest and isinstance(rest[0], int) else 0
    if kind == "repeat":
        rows.insert(rest[0] % (len(rows) + 1), [one, data, end])
    elif kind == "swap":
        other = rest[0] % len(rows)
        rows[at], rows[other] = rows[other], rows[at]
    elif kind == "remove":
        del rows[at]
    elif kind == "separator":
        rows[at][2] = rest[0]
    else:
        rows[at][1] = {
            "cut": lambda: data[:cut],
            "insert": lambda: data[:cut] + rest[1] + data[cut:],
            "replace": lambda: data[:cut] + rest[1] + data[cut + 1 :],
            "line": lambda: ODD_LINES[rest[0]],
        }[kind]()


def _with_field(format_, one, kind, field, value=None):
    head, fields = ("", one) if format_ == "coinbase_full" else (one[0] + " ", one[1])
    if kind == "set":
        text = json.dumps(fields | {field: ODD_VALUES[value]})
    elif kind == "drop":
        text = json.dumps({name: held for name, held in fields.items() if name != field})
    else:
        text = json.dumps(fields)[:-1] + f', "{field}": 1, "{field}": 1' + "}"
    return (head + text).encode()


def _packed(text, kind, *rest):
    if kind == "plain":
        return text
    if kind == "members":
        cut = rest[0] % (len(text) + 1)
        return gzip.compress(text[:cut], mtime=0) + gzip.compress(text[cut:], mtime=0)
    data = bytearray(_gzip(text))
    if kind == "truncated":
        return bytes(data[: rest[0] % len(data)])
    if kind == "corrupt":
        data[rest[0] % len(data)] ^= rest[1]
    return bytes(data) + (rest[0] if kind == "behind" else b"")


def _gzip(text):
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush()
