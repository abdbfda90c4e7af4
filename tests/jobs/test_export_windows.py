"""``foretable windows`` on the shared pipeline: the same windows, parts and labels as training has in memory."""

import json

import numpy as np
import pytest

from jobs import cli
from jobs.batch_output_files import MANIFEST
from jobs.export_windows import export_windows
from jobs.train import split
from jobs.training_set import make_training_set, read_rows, select_rows
from jobs.window_records import read_windows
from models.errors import DataContractError, SafetyError, UsageError

N_STEPS, LABEL = 5, "return_5m"


def read(folder, part):
    inputs, labels = zip(*read_windows(folder, part), strict=True)
    return np.concatenate(inputs), np.concatenate(labels)


def in_order(inputs, labels):
    rows = np.column_stack([inputs.reshape(len(labels), -1), labels])
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("label", [LABEL, "direction_5m"])
def test_parts_hold_the_windows_that_training_takes(spark, in_pipeline, tmp_path, label):
    rows = export_windows(in_pipeline, label, N_STEPS, tmp_path / "w", n_shards=2, is_gzip=True, seed=1)
    names, version = in_pipeline.config.features.names(), rows[0]["features_version"]
    known = read_rows(select_rows(spark, version, 60, label, names), 60)
    examples = make_training_set(known, names, N_STEPS, 60, version)
    settings = in_pipeline.config.models[0].model_copy(update={"label": label})
    cut = split(in_pipeline.config, settings, examples)
    classes = json.loads((tmp_path / "w" / MANIFEST).read_text())["classes"]
    labels = examples.labels if classes is None else np.searchsorted(classes, examples.labels)
    for row in rows:
        places = getattr(cut, row["part"])
        assert row["windows"] == len(places) > 0
        wanted = examples.inputs[places].astype(np.float32), labels[places].astype(np.float32)
        got = read(tmp_path / "w", row["part"])
        np.testing.assert_array_equal(in_order(*got), in_order(*wanted))
        is_shuffled = got[1].tolist() != wanted[1].tolist()
        assert is_shuffled == (row["part"] == "train")
    assert not list((in_pipeline.config.home / "tmp").glob("windows-*"))
    assert [file.name for file in tmp_path.iterdir()] == ["w"]


def test_a_folder_with_something_in_it_is_left_alone(in_pipeline, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(SafetyError, match="is not empty"):
        export_windows(in_pipeline, LABEL, N_STEPS, tmp_path, 1, True, 0)
    assert (tmp_path / "mine").read_text() == "mine"


def test_an_unknown_label_is_told_with_those_that_are_there(in_pipeline, tmp_path):
    with pytest.raises(UsageError, match=r"there is no label nope: foretable\.yml has return_5m, direction_5m"):
        export_windows(in_pipeline, "nope", N_STEPS, tmp_path / "w", 1, True, 0)


def test_without_features_nothing_is_left_behind(schema, make_app, tmp_path):
    with pytest.raises(DataContractError, match="run foretable normalize"):
        export_windows(make_app(), LABEL, N_STEPS, tmp_path / "w", 1, True, 0)
    assert list(tmp_path.iterdir()) == []


def test_the_command_has_examples_and_a_dry_run(capsys, tmp_path):
    assert cli.run(["windows", "--help"]) == 0
    assert "foretable windows --label return_5m --steps 60" in capsys.readouterr().out
    assert cli.run(["--home", str(tmp_path), "--json", "windows", "--to", str(tmp_path / "w"), "--dry-run"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["label"], told["steps"], told["files"]) == (LABEL, 20, 8)
    assert not (tmp_path / "w").exists()
