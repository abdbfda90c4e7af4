"""What a training leaves behind, and that one that was killed goes on to the very same network."""

import json
import os
import platform
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from models import keras_models
from models.families import build_model
from models.protocol import ModelSpec
from models.registry import Registry
from models.training_record import TrainingRecord

RNG = np.random.default_rng(0)
X = RNG.normal(size=(700, 3, 2))
Y = X[:, -1, 0] - X[:, 0, 1] + RNG.normal(0, 0.3, size=700)
TRAIN, LATER = slice(0, 500), slice(500, 700)
EPOCHS = 6
OPTIONS = {"units": 3, "epochs": EPOCHS, "batch_size": 64, "dropout": 0.3, "patience": EPOCHS}


class KilledError(BaseException):
    pass


def train(record=None, has_validation=True, **options):
    spec = ModelSpec("net", "lstm", "y", options={**OPTIONS, **options}, sequence_length=3, seed=4)
    later = (X[LATER], Y[LATER]) if has_validation else None
    return build_model(spec, ("a", "b")).fit(X[TRAIN], Y[TRAIN], later, record)


def weights(model):
    return [array.tobytes() for array in model.network.get_weights()]


@pytest.fixture(autouse=True)
def a_checkpoint_each_epoch(monkeypatch):
    monkeypatch.setattr(keras_models, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)


@pytest.fixture(scope="module")
def unbroken():
    return train()


@pytest.fixture
def record(tmp_path):
    said = []
    made = TrainingRecord(tmp_path / "training", said.append)
    made.said = said
    return made


@pytest.fixture
def broken_off(record, monkeypatch):
    """Function that trains until an epoch is noted, and is killed there: before its checkpoint is written."""

    def until(epoch, **options):
        def note(line):
            if f"epoch {epoch} " in line:
                raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(record, "note", note)
            with pytest.raises(KilledError):
                train(record, **options)

    return until


@pytest.mark.parametrize("epoch", [2, EPOCHS])
def test_a_training_that_was_killed_goes_on_to_the_same_network_bit_for_bit(unbroken, record, broken_off, epoch):
    broken_off(epoch)
    (checkpoint,) = record.checkpoints.iterdir()
    assert checkpoint.name == f"epoch_{epoch - 1}"
    resumed = train(record)
    assert record.said == [f"net: its training was broken off and goes on after epoch {epoch - 1}"]
    assert weights(resumed) == weights(unbroken)
    assert resumed.loss_history == unbroken.loss_history


def test_without_a_validation_part_the_last_epoch_counts(record, broken_off):
    broken_off(4, has_validation=False)
    assert weights(train(record, has_validation=False)) == weights(train(has_validation=False))


def test_a_training_in_mixed_precision_goes_on_with_the_scale_of_its_loss(record, broken_off):
    options = {"precision": "mixed_float16"}
    whole = train(**options)
    broken_off(4, **options)
    resumed = train(record, **options)
    assert weights(resumed) == weights(whole)
    assert resumed.loss_history == whole.loss_history
    assert weights(whole) != weights(train()), "the layers computed in 32 bits"


def test_patience_goes_on_where_it_was(record, broken_off):
    options = {"learning_rate": 1.0, "patience": 2, "epochs": 30}
    whole = train(**options)
    n_epochs = len(whole.loss_history["train"])
    assert n_epochs == 1 + int(np.argmin(whole.loss_history["validation"])) + 2
    broken_off(n_epochs, **options)
    resumed = train(record, **options)
    assert resumed.loss_history == whole.loss_history
    assert weights(resumed) == weights(whole)


def test_a_checkpoint_that_cannot_be_read_gives_way_to_the_one_before(unbroken, record, broken_off):
    broken_off(3)
    torn = record.checkpoints / "epoch_5"
    torn.mkdir()
    (torn / "network.keras").write_bytes(b"half a file")
    (record.checkpoints / "unfinished").mkdir()
    assert weights(train(record)) == weights(unbroken)
    assert "after epoch 2" in record.said[0]


def test_the_log_and_tensorboard_tell_each_loss_once(record, broken_off):
    from tensorflow.compat.v1.train import summary_iterator

    broken_off(3)
    model = train(record)
    drawn = {"train": {}, "validation": {}}
    for part, values in drawn.items():
        for file in sorted((record.tensorboard / part).iterdir()):
            for event in summary_iterator(str(file)):
                for value in event.summary.value:
                    assert value.tag == "epoch_loss"
                    values[event.step] = value.simple_value
    for part, losses in model.loss_history.items():
        assert list(drawn[part]) == list(range(EPOCHS))
        np.testing.assert_allclose(list(drawn[part].values()), losses, rtol=1e-6)  # an event holds single precision
    last = (record.folder / "log.txt").read_text().splitlines()[-1]
    losses = ", ".join(f"{part} loss {model.loss_history[part][-1]:.6g}" for part in ("train", "validation"))
    assert last.endswith(f" net: epoch {EPOCHS} of {EPOCHS}, {losses}")


def test_configuration_and_environment_are_written_before_the_first_epoch(record):
    record.begin({"family": "lstm", "rows": {"train": 500}})
    assert json.loads((record.folder / "configuration.json").read_text()) == {"family": "lstm", "rows": {"train": 500}}
    environment = json.loads((record.folder / "environment.json").read_text())
    assert environment["python"] == platform.python_version()
    assert environment["libraries"]["numpy"] == np.__version__
    assert environment["processor_cores"] == os.cpu_count()


def test_the_record_is_kept_with_the_version_and_its_checkpoints_are_not(tmp_path):
    registry = Registry.in_home(tmp_path)
    record = TrainingRecord(registry.training_folder("net", "k" * 64), print)
    record.begin({"family": "lstm"})
    model = train(record)
    assert record.checkpoints.is_dir()
    version = registry.register(model.spec, model, {}, {}, {}, "k" * 64, record=record)
    kept = {path.relative_to(version.training_folder).as_posix() for path in version.training_folder.rglob("*")}
    assert {"configuration.json", "environment.json", "log.txt", "tensorboard/train"} <= kept
    assert not any("checkpoint" in name for name in kept)
    assert not record.folder.exists()


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_trains_is_taken_up_by_the_next(tmp_path):
    """SIGKILL, at whatever moment: with the code of this module, in a process of its own."""
    code = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from pathlib import Path\nimport test_training_record as t\nfrom models import keras_models\n"
        "keras_models.SECONDS_BETWEEN_CHECKPOINTS = 0.0\n"
        "from models.training_record import TrainingRecord\n"
        "t.train(TrainingRecord(Path(sys.argv[1]), print), epochs=60, patience=60)\n"
    )
    folder = tmp_path / "training"
    command = [sys.executable, "-c", code, str(folder), os.path.dirname(__file__), os.getcwd()]
    for n_seen in (2, 12):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until = time.monotonic() + 120
        while not (folder / "log.txt").exists() or f"epoch {n_seen} of" not in (folder / "log.txt").read_text():
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    said = []
    resumed = train(TrainingRecord(folder, said.append), epochs=60, patience=60)
    (line,) = said
    assert int(line.rpartition(" ")[2]) >= 11
    assert weights(resumed) == weights(train(epochs=60, patience=60))
