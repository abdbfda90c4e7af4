"""Ingest asks for the room that its new files may take, before it writes."""

import gzip
import shutil
from collections import namedtuple

import pytest

from jobs.ingest import ingest
from jobs.ingest_files import uncompressed_bytes
from jobs.sources import Source
from jobs.tables import table_version
from models.errors import StorageError

LINE = (
    b'{"type":"received","time":"2026-01-01T00:00:00.000000Z","product_id":"A-USD","sequence":1,"order_id":"a",'
    b'"size":"1.00","price":"2.00","side":"buy","order_type":"limit"}\n'
)


def test_a_gzip_file_is_taken_for_six_times_its_length_whatever_its_name(tmp_path):
    plain, packed = tmp_path / "a.gz", tmp_path / "b.log"
    plain.write_bytes(b"x" * 100)
    packed.write_bytes(gzip.compress(b"x" * 100))
    assert uncompressed_bytes(plain) == 100
    assert uncompressed_bytes(packed) == 6 * packed.stat().st_size
    (tmp_path / "empty").touch()
    assert uncompressed_bytes(tmp_path / "empty") == 0


def test_ingest_refuses_what_the_disk_cannot_hold_and_files_of_old_need_no_room(spark, schema, tmp_path, monkeypatch):
    source = Source(path=str(tmp_path), format="coinbase_full", exchange="x")
    (tmp_path / "one.jsonl").write_bytes(LINE)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(0, 0, 64 * 2**20 + len(LINE) - 1))
    with pytest.raises(StorageError, match="nothing was written"):
        ingest(spark, source, 0.0, "r")
    assert table_version(spark, "orders") == 0
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(0, 0, 64 * 2**20 + len(LINE)))
    assert ingest(spark, source, 0.0, "r").n_good == 1
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(0, 0, 64 * 2**20))
    assert ingest(spark, source, 0.0, "r").is_nothing_new
