"""``foretable models`` as it is typed, on a registry of three versions; forests, which need no SQL function."""

import json
from pathlib import Path

import numpy as np
import pytest

from jobs import cli
from models.artifact import GOLDEN_ROWS, load_copied_scorer, load_scorer
from models.errors import ModelContractError
from models.families import build_model
from models.format_skops import SkopsEngine
from models.onnx_runtime import open_onnx
from models.protocol import ModelSpec
from models.registry import Registry
from models.training_record import TrainingRecord

X = np.random.default_rng(0).normal(size=(60, 2))


@pytest.fixture
def home(tmp_path):
    """A home with wood/1, its champion, and wood/2."""
    registry = Registry.in_home(tmp_path)
    for seed in (1, 2):
        spec = ModelSpec("wood", "random_forest", "r", options={"n_estimators": 300}, seed=seed)
        model = build_model(spec, ("a", "b")).fit(X, X[:, 0])
        registry.register(spec, model, {"test": {"mse": 0.5}}, {}, {"features": 3}, str(seed), training_inputs=X)
    registry.set_alias("wood", "champion", 1)
    return tmp_path


@pytest.fixture
def models(home, capsys):
    """Run ``foretable models …``; returns the exit code, what was printed as JSON, and what was said."""

    def run(*words):
        code = cli.run(["--home", str(home), "--json", "models", *words])
        printed = capsys.readouterr()
        return code, json.loads(printed.out) if printed.out else None, printed.err

    return run


def folder_of(home, version):
    return Path(Registry.in_home(home).resolve(f"wood/{version}").folder)


def states(rows):
    return {row["version"]: row["state"] for row in rows}


def test_versions_are_listed_newest_first_with_their_aliases(models):
    _, rows, _ = models("list")
    assert [(row["model"], row["version"], row["aliases"]) for row in rows] == [
        ("wood", 2, ""),
        ("wood", 1, "champion"),
    ]


def test_a_version_is_shown_with_its_metrics_and_what_it_was_trained_on(models):
    _, facts, _ = models("show", "wood@champion")
    assert (facts["version"], facts["test.mse"], facts["feature_names"]) == (1, 0.5, "a, b")
    assert facts["data_versions"] == {"features": 3}


def test_an_alias_moves_and_a_dry_run_moves_nothing(models, home):
    expected = {"model": "wood", "alias": "champion", "from_version": 1, "to_version": 2}
    assert models("promote", "wood/2", "--dry-run")[1] == expected
    assert Registry.in_home(home).resolve("wood").version == 1
    assert models("promote", "wood/2")[1] == expected
    assert Registry.in_home(home).resolve("wood").version == 2


def test_a_promotion_is_rolled_back_and_that_once(models, home):
    models("promote", "wood/2")
    rolled = {"model": "wood", "alias": "champion", "from_version": 2, "to_version": 1}
    assert models("rollback", "wood")[1] == rolled
    assert Registry.in_home(home).resolve("wood").version == 1
    code, _, said = models("rollback", "wood")
    assert code == ModelContractError.exit_code
    assert "wood/1 took over from no other champion; promote the version that you want by its number" in said


def test_a_rollback_goes_back_along_the_champions_and_not_along_the_numbers(models, home):
    registry = Registry.in_home(home)
    registry.set_alias("wood", "champion", 2)
    spec = ModelSpec("wood", "ridge", "r")
    model = build_model(spec, ("a", "b")).fit(X, X[:, 0])
    for _ in range(2):
        registry.register(spec, model, {}, {}, {}, "later")
    registry.set_alias("wood", "champion", 4)
    assert [registry.roll_back("wood").version for _ in range(2)] == [2, 1]


def test_a_version_is_exported_and_nothing_is_overwritten(models, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, told, _ = models("export", "wood", "out/wood")
    assert (code, told["version"], told["path"]) == (0, 1, str(tmp_path / "out" / "wood"))
    expected = load_scorer(folder_of(home, 1), Registry.in_home(home).resolve("wood/1").digest).predict(X)
    assert load_copied_scorer(tmp_path / "out" / "wood").predict(X).tolist() == expected.tolist()
    assert models("export", "wood", "wood.skops", "--format", "skops")[1]["n_bytes"] > 1_000
    assert "is not overwritten" in models("export", "wood", "out/wood")[2]
    assert "without the form keras" in models("export", "wood", "wood.keras", "--format", "keras")[2]


def test_a_version_is_exported_as_onnx_and_answers_without_us(models, home, tmp_path):
    code, _, _ = models("export", "wood", str(tmp_path / "wood.onnx"), "--format", "onnx")
    assert code == 0
    session = open_onnx((tmp_path / "wood.onnx").read_bytes())
    expected = load_scorer(folder_of(home, 1), Registry.in_home(home).resolve("wood/1").digest).predict(X)
    np.testing.assert_allclose(session.run(["prediction"], {"features": X})[0], expected, rtol=1e-12)


def test_whole_versions_are_verified(models):
    code, rows, _ = models("verify")
    assert (code, states(rows)) == (0, {1: "ok", 2: "ok"})


def test_verify_says_which_version_was_changed_and_goes_on_with_the_others(models, home):
    (folder_of(home, 2) / "manifest.json").write_text("{}")
    code, rows, said = models("verify")
    assert code == ModelContractError.exit_code
    assert states(rows)[1] == "ok"
    assert "was changed after it was registered" in states(rows)[2]
    assert "1 of 2 versions cannot be used" in said


def test_verify_says_which_version_a_new_library_answers_otherwise(models, home, monkeypatch):
    assert (folder_of(home, 1) / GOLDEN_ROWS).is_file()
    answer = SkopsEngine.predict
    monkeypatch.setattr(SkopsEngine, "predict", lambda self, rows: answer(self, rows) * 1.001)
    code, rows, _ = models("verify", "wood/1")
    assert code == ModelContractError.exit_code
    assert "golden row" in states(rows)[1]


def test_a_champion_is_not_deleted_and_another_version_is(models, home):
    code, _, said = models("delete", "wood/1")
    assert code != 0
    assert "promote another version first" in said
    assert models("delete", "wood/2", "--dry-run")[1]["state"] == "kept"
    assert models("delete", "wood/2")[1]["state"] == "deleted"
    assert [version.version for version in Registry.in_home(home).list_versions("wood")] == [1]
    assert models("delete", "wood")[2].startswith("foretable: say which version to delete")
    version = Registry.in_home(home).resolve("wood/1")
    assert len(load_scorer(version.folder, version.digest).predict(X)) == 60


@pytest.mark.slow
def test_a_network_leaves_as_a_saved_model_and_its_training_is_told(models, home, tmp_path):
    import tensorflow

    registry = Registry.in_home(home)
    windows = np.random.default_rng(1).normal(size=(40, 3, 2))
    spec = ModelSpec("net", "gru", "r", options={"units": 2, "epochs": 1}, sequence_length=3)
    record = TrainingRecord(registry.training_folder("net", "key"), print)
    record.begin({"family": "gru"})
    model = build_model(spec, ("a", "b")).fit(windows, windows[:, -1, 0], record=record)
    version = registry.register(spec, model, {}, {}, {}, "key", record=record)
    target = tmp_path / "served"
    assert models("export", "net", str(target), "--format", "saved_model")[0] == 0
    served = tensorflow.saved_model.load(str(target))
    answers = served.serve(windows.astype(np.float32)).numpy()[:, 0]
    scorer = load_scorer(version.folder, version.digest)
    np.testing.assert_allclose(answers, scorer.predict(windows), rtol=0, atol=1e-6)
    assert models("show", "net")[1]["training_folder"] == str(version.training_folder)
    assert "is no network" in models("export", "wood", str(tmp_path / "no"), "--format", "saved_model")[2]
    assert not (tmp_path / "no").exists()
