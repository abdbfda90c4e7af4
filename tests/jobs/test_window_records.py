"""Windows in TFRecord files: TensorFlow reads them, we read them back, and nothing that is lost goes unnoticed."""

import json

import numpy as np
import pytest

from jobs import window_records
from jobs.batch_output_files import MANIFEST, OutputFolder
from jobs.tfrecord import frame, open_records
from jobs.tfrecord_example import decode_example
from jobs.window_records import read_windows, write_windows
from models.errors import DataContractError, StorageError
from models.window_store import Steps, WindowWriter

N, N_STEPS, BAR_SECONDS = 40, 3, 60
FACTS = {"label": "y", "features": ["a", "b"], "bar_seconds": BAR_SECONDS, "features_version": 7}
SYMBOLS = [("x", "A"), ("x", "B")]


@pytest.fixture
def make_store(tmp_path):
    """Windows of two symbols; feature a of a row is its number, b a tenth of that; the label is the number too."""

    def make(classes=None):
        number = np.arange(N, dtype=np.float64)
        with WindowWriter(tmp_path / "store", N_STEPS, 2) as writer:
            writer.add(
                Steps(
                    values=np.column_stack([number, number / 10]),
                    group=(number >= N / 2).astype(np.int32),
                    step=np.tile(np.arange(N // 2), 2) + 100,
                    known_from=number.astype(np.int64),
                    is_training=number >= 0,
                    label=number % len(classes) if classes else number,
                    is_wanted=number >= 0,
                )
            )
            return writer.finish({**FACTS, "classes": classes, "symbols": SYMBOLS})

    return make


@pytest.fixture
def write(make_store, tmp_path):
    """Write windows in the given parts and publish them with their manifest."""

    def published(parts, n_shards=3, is_gzip=True, classes=None):
        store = make_store(classes)
        output = OutputFolder(tmp_path / "out", "windows_1")
        counts = write_windows(store, parts, output.aside, n_shards, is_gzip, lambda text: None)
        output.publish({"run": "windows_1", "windows": counts, "is_gzip": is_gzip, **store.facts})
        store.close()
        return output.target

    return published


def parts(train=range(19, -1, -1)):
    return {"train": np.array(train), "test": np.arange(20, 36)}


@pytest.mark.parametrize("is_gzip", [True, False])
def test_what_is_written_is_read_back_in_its_order(write, is_gzip):
    folder = write(parts(), is_gzip=is_gzip)
    inputs, labels = (np.concatenate(column) for column in zip(*read_windows(folder, "train", 7), strict=True))
    # 18 windows of the first symbol end with rows 2 to 19, the next two with rows 22 and 23 of the second.
    assert labels.tolist() == [23, 22, *range(19, 1, -1)]
    assert inputs.shape == (20, N_STEPS, 2)
    assert inputs[2].tolist() == [[17, np.float32(1.7)], [18, np.float32(1.8)], [19, np.float32(1.9)]]
    ending = ".tfrecord.gz" if is_gzip else ".tfrecord"
    names = [f"{part}-{number:05d}-of-00003{ending}" for part in ("test", "train") for number in range(3)]
    assert sorted(file.name for file in folder.iterdir()) == sorted([*names, MANIFEST])
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["windows"] == {"train": [7, 7, 6], "test": [6, 5, 5]}


def test_a_record_names_its_symbol_and_the_bar_of_its_last_step(write):
    folder = write(parts(train=[0, 18]), n_shards=1)
    first, second = (
        decode_example(record.data) for record in open_records(folder / "train-00000-of-00001.tfrecord.gz")
    )
    assert (first["exchange"], first["symbol"], first["bar_start"]) == ("x", "A", 102 * BAR_SECONDS * 1_000_000)
    assert (second["symbol"], second["label"]) == ("B", 22.0)


def test_the_same_windows_are_the_same_bytes(make_store, tmp_path):
    store = make_store()
    for name in ("one", "two"):
        write_windows(store, parts(), tmp_path / name, 2, True, lambda text: None)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_tensorflow_reads_them_by_what_the_manifest_says(write):
    import tensorflow as tf

    folder = write(parts(), classes=["down", "flat", "up"])
    manifest = json.loads((folder / MANIFEST).read_text())
    shape = [manifest["n_steps"], len(manifest["features"])]
    fields = {"inputs": tf.io.FixedLenFeature(shape, tf.float32), "label": tf.io.FixedLenFeature([], tf.int64)}
    files = sorted(map(str, folder.glob("train-*.tfrecord.gz")))
    dataset = tf.data.TFRecordDataset(files, compression_type="GZIP").map(
        lambda record: tf.io.parse_single_example(record, fields)
    )
    read = list(dataset.batch(50))
    inputs, labels = (np.concatenate(column) for column in zip(*read_windows(folder, "train"), strict=True))
    np.testing.assert_array_equal(read[0]["inputs"], inputs)
    assert read[0]["label"].numpy().tolist() == labels.tolist()
    assert manifest["classes"] == ["down", "flat", "up"]


def test_more_files_than_windows_are_empty_files(write):
    folder = write(parts(train=[5]), n_shards=4)
    assert [len(labels) for _, labels in read_windows(folder, "train")] == [1]


def test_a_file_that_lost_a_record_is_noticed(write):
    folder = write(parts(), is_gzip=False)
    file = folder / "train-00001-of-00003.tfrecord"
    lengths = [len(record.data) + 16 for record in open_records(file)]
    file.write_bytes(file.read_bytes()[lengths[0] :])
    with pytest.raises(DataContractError, match=r"train-00001-of-00003\.tfrecord holds 6 windows, its manifest says 7"):
        list(read_windows(folder, "train"))


def test_a_changed_byte_is_noticed(write):
    folder = write(parts(), is_gzip=False)
    file = folder / "train-00000-of-00003.tfrecord"
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataContractError, match="a record has a wrong checksum"):
        list(read_windows(folder, "train"))


@pytest.mark.parametrize("length", [-1, 30])
def test_a_compressed_file_that_was_cut_off_is_noticed(write, length):
    folder = write(parts())
    file = folder / "train-00000-of-00003.tfrecord.gz"
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(DataContractError, match=r"cannot be read .*: write the windows again"):
        list(read_windows(folder, "train"))


def test_a_disk_that_loses_a_record_is_noticed(make_store, tmp_path, monkeypatch):
    frames = iter([b""])
    monkeypatch.setattr(window_records, "frame", lambda data: next(frames, frame(data)))
    with pytest.raises(StorageError, match="reads back 19 of 20 windows: check the disk and run again"):
        write_windows(make_store(), parts(), tmp_path / "out", 1, True, lambda text: None)


def test_a_folder_or_part_that_is_not_there_is_told(write, tmp_path):
    with pytest.raises(DataContractError, match="nowhere holds no windows of train with a manifest"):
        list(read_windows(tmp_path / "nowhere", "train"))
    with pytest.raises(DataContractError, match="holds no windows of validation"):
        list(read_windows(write(parts()), "validation"))
