"""TFRecord files against the numbers of RFC 3720 and, in a slow test, against TensorFlow itself."""

import gzip
import json
import struct
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.tfrecord import DamagedError, crc32c, frame, masked_crc, read_records
from jobs.tfrecord_example import NotAnExampleError, decode_example, encode_example

WITH_TENSORFLOW = """
import json, sys
import tensorflow as tf
folder = sys.argv[1]
def example(i):
    f = tf.train.Feature
    return tf.train.Example(features=tf.train.Features(feature={
        "a": f(float_list=tf.train.FloatList(value=[i / 8])),
        "n": f(int64_list=tf.train.Int64List(value=[-i, 2**62 + i])),
        "s": f(bytes_list=tf.train.BytesList(value=["\\u00e9{}".format(i).encode()])),
        "none": f(),
    }))
for compression in ("", "GZIP"):
    with tf.io.TFRecordWriter(f"{folder}/theirs{compression}", tf.io.TFRecordOptions(compression_type=compression)) as w:
        for i in range(1000):
            w.write(example(i).SerializeToString())
spec = {"x": tf.io.FixedLenFeature([], tf.float32), "k": tf.io.VarLenFeature(tf.int64),
        "t": tf.io.FixedLenFeature([], tf.string), "gone": tf.io.VarLenFeature(tf.float32)}
rows = []
for file, compression in (("ours", ""), ("ours.gz", "GZIP")):
    for data in tf.data.TFRecordDataset(f"{folder}/{file}", compression_type=compression):
        row = tf.io.parse_single_example(data, spec)
        rows.append([float(row["x"]), tf.sparse.to_dense(row["k"]).numpy().tolist(), row["t"].numpy().decode(),
                     tf.sparse.to_dense(row["gone"]).numpy().tolist()])
print(json.dumps(rows))
"""


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # RFC 3720, B.4, and the check value of the CRC catalogue
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_the_crc_is_castagnoli(data, expected):
    assert crc32c(data) == expected


def test_a_record_is_length_crc_bytes_crc():
    framed = frame(b"abc")
    assert framed[:8] == struct.pack("<Q", 3)
    assert framed[12:15] == b"abc"
    assert struct.unpack("<I", framed[15:])[0] == masked_crc(b"abc")
    crc = crc32c(b"abc")
    assert masked_crc(b"abc") == (((crc >> 15) | (crc << 17) & 0xFFFFFFFF) + 0xA282EAD8) % 2**32


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=8), st.integers(1, 40))
def test_records_come_back_however_the_stream_is_cut(records, width):
    data = b"".join(map(frame, records))
    blocks = [data[i : i + width] for i in range(0, len(data), width)]
    assert [(r.data, r.is_intact) for r in read_records(blocks)] == [(record, True) for record in records]


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=30), st.data())
def test_no_changed_bit_goes_unnoticed(record, data):
    framed = bytearray(frame(record) + frame(b"next"))
    at = data.draw(st.integers(0, len(frame(record)) * 8 - 1))
    framed[at // 8] ^= 1 << at % 8
    read = []
    try:
        read += list(read_records([bytes(framed)]))
    except DamagedError:
        assert at < 12 * 8  # in the length or its CRC: the next record cannot be found
        assert read == []
    else:
        assert [(r.is_intact, r.data) for r in read][1:] == [(True, b"next")]
        assert not read[0].is_intact


def test_a_file_that_ends_within_a_record_says_so():
    whole = frame(b"one")
    for end in range(1, len(whole)):
        with pytest.raises(DamagedError, match="ends within a record"):
            list(read_records([whole[:end]]))


def test_an_example_keeps_values_lists_and_bytes():
    values = {"x": 0.5, "k": [1, 2], "t": "é", "raw": b"\xff\x00", "yes": True, "none": None, "empty": []}
    assert decode_example(encode_example(values)) == {
        "x": 0.5, "k": (1, 2), "t": "é", "raw": b"\xff\x00", "yes": 1, "none": None, "empty": None
    }  # fmt: skip
    assert decode_example(encode_example({})) == {}


@pytest.mark.parametrize("data", [b"\xff\xff", b"hello", b"\x12\x03abc"])
def test_other_bytes_are_no_example(data):
    with pytest.raises(NotAnExampleError):
        decode_example(data)


@pytest.mark.slow
def test_tensorflow_reads_what_we_write_and_we_what_it_writes(tmp_path):
    ours = [{"x": i / 4, "k": list(range(i % 3)), "t": f"ü{i}", "gone": None} for i in range(100)]
    data = b"".join(frame(encode_example(row)) for row in ours)
    (tmp_path / "ours").write_bytes(data)
    (tmp_path / "ours.gz").write_bytes(gzip.compress(data))
    command = [sys.executable, "-c", WITH_TENSORFLOW, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[row["x"], row["k"], row["t"], []] for row in ours] * 2
    for file in (tmp_path / "theirs", tmp_path / "theirsGZIP"):
        content = file.read_bytes()
        blocks = [gzip.decompress(content) if file.name.endswith("GZIP") else content]
        records = list(read_records(blocks))
        assert all(record.is_intact for record in records)
        assert [decode_example(record.data) for record in records] == [
            {"a": i / 8, "n": (-i, 2**62 + i), "s": f"é{i}", "none": None} for i in range(1000)
        ]
