import hashlib
import json
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.linear_model import Lasso

from models.artifact import MANIFEST, digest_of, load_copied_scorer, load_scorer, save_artifact
from models.errors import ModelContractError
from models.families import build_model
from models.format_skops import SKOPS_FILE_NAME
from models.protocol import ModelSpec
from models.sql_expression import SQL_FILE_NAME

FEATURES = ("a", "b", "c")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 3))
Y = X[:, 0] + RNG.normal(size=600)
LABELS = {
    "DOUBLE": np.where(Y > 0, 1.0, 0.0),
    "BIGINT": np.digitize(Y, [-1, 1]) + 2**53,
    "BOOLEAN": Y > 0,
    "STRING": np.where(Y > 0, "up", "down"),
}


def fitted(family="ridge", task="regression", y=Y, **options):
    few_trees = {"n_estimators": 20} if family == "random_forest" else {}
    spec = ModelSpec("m", family, "return_5m", task, {**few_trees, **options}, seed=1, horizon_seconds=300)
    return build_model(spec, FEATURES).fit(X, y)


@pytest.fixture
def saved(tmp_path):
    folder = tmp_path / "model"
    return folder, save_artifact(fitted(), folder)


def replace_model(folder, content):
    """Put another model file into an artifact and return its new, right digest."""
    (folder / SKOPS_FILE_NAME).write_bytes(content)
    return digest_of({path.name: path.read_bytes() for path in folder.iterdir()})


@pytest.mark.parametrize(
    "family", ["ridge", "linear", "lasso", "decision_tree", "random_forest", "gradient_boosting", "mlp"]
)
@pytest.mark.parametrize("n_rows", [1, 3, 600])
def test_a_stored_regressor_predicts_bit_for_bit_what_the_fitted_one_does(tmp_path, family, n_rows):
    model = fitted(family)
    scorer = load_scorer(tmp_path / "m", save_artifact(model, tmp_path / "m"))
    parts = [scorer.predict(X[start : start + n_rows]) for start in range(0, 60, n_rows)]
    assert np.concatenate(parts)[:60].tolist() == model.predict(X)[:60].tolist()
    assert np.concatenate(parts)[:60].tolist() == model.estimator.predict(X)[:60].tolist()


@pytest.mark.parametrize("options", [{"loss": "quantile", "quantile": 0.9}, {"loss": "absolute_error"}])
def test_a_stored_quantile_or_median_predicts_bit_for_bit_what_the_fitted_one_does(tmp_path, options):
    model = fitted("gradient_boosting", **options)
    scorer = load_scorer(tmp_path / "m", save_artifact(model, tmp_path / "m"))
    assert scorer.predict(X).tolist() == model.estimator.predict(X).tolist()
    share = options.get("quantile", 0.5)
    assert np.mean(scorer.predict(X) > Y) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("family", ["logistic", "decision_tree", "random_forest", "gradient_boosting", "mlp"])
@pytest.mark.parametrize("label_type", list(LABELS))
def test_a_stored_classifier_answers_with_the_label_as_trained(tmp_path, family, label_type):
    model = fitted(family, "classification", LABELS[label_type])
    scorer = load_scorer(tmp_path / "m", save_artifact(model, tmp_path / "m"))
    assert scorer.manifest.label_type == label_type
    assert list(scorer.manifest.classes) == sorted(set(LABELS[label_type].tolist()))
    assert scorer.predict(X).dtype == model.predict(X).dtype
    assert scorer.predict(X).tolist() == model.predict(X).tolist()
    assert scorer.predict_probability(X[:9]).tolist() == model.predict_probability(X)[:9].tolist()


def test_the_manifest_says_what_the_model_needs(saved):
    folder, digest = saved
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["feature_names"] == ["a", "b", "c"]
    assert (manifest["format"], manifest["family"], manifest["task"]) == ("skops", "ridge", "regression")
    assert (manifest["label"], manifest["label_type"], manifest["classes"]) == ("return_5m", "DOUBLE", [])
    assert (manifest["sequence_length"], manifest["horizon_seconds"], manifest["seed"]) == (1, 300, 1)
    assert set(manifest["libraries"]) == {"numpy", "scikit-learn", "skops"}
    assert load_scorer(folder, digest).manifest.feature_names == FEATURES


def test_the_manifest_says_what_a_missing_feature_does_and_how_features_were_made(tmp_path):
    made = (("a", "open / close"), ("b", "it's"))
    spec = ModelSpec("m", "ridge", "y", null_policy="fail", transform=made)
    scorer = load_scorer(tmp_path / "m", save_artifact(build_model(spec, FEATURES).fit(X, Y), tmp_path / "m"))
    assert (scorer.manifest.null_policy, scorer.manifest.transform) == ("fail", made)


def test_an_artifact_of_an_earlier_version_is_read(saved):
    folder, _ = saved
    manifest = json.loads((folder / MANIFEST).read_text())
    del manifest["null_policy"], manifest["transform"]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    (folder / SQL_FILE_NAME).unlink()
    scorer = load_copied_scorer(folder)
    assert (scorer.manifest.null_policy, scorer.manifest.transform, scorer.profile) == ("null", (), None)


def test_a_row_that_overflows_does_not_stop_the_others(tmp_path):
    model = build_model(ModelSpec("m", "ridge", "y"), FEATURES).fit(X / 10, Y)
    scorer = load_scorer(tmp_path / "m", save_artifact(model, tmp_path / "m"))
    huge = np.array([[scorer.largest_input, 0.0, 0.0], [0.0, 0.0, 0.0]])
    assert scorer.predict(huge)[1] == scorer.predict(huge[1:])[0]


def test_the_digest_is_a_sha256_over_sorted_names_lengths_and_contents():
    expected = hashlib.sha256(b"a\x002\x00xyb\x001\x00z").hexdigest()
    assert digest_of({"b": b"z", "a": b"xy"}) == expected


def test_moving_bytes_from_one_file_to_the_next_changes_the_digest():
    assert digest_of({"a": b"12", "b": b"3"}) != digest_of({"a": b"1", "b": b"23"})


@pytest.mark.parametrize("name", [MANIFEST, SKOPS_FILE_NAME, "added"])
def test_a_changed_artifact_is_refused_before_it_is_parsed(saved, name, monkeypatch):
    folder, digest = saved
    with (folder / name).open("ab") as file:
        file.write(b" ")
    monkeypatch.setattr(skops.io, "loads", lambda *_, **__: pytest.fail("parsed"))
    monkeypatch.setattr(json, "loads", lambda *_, **__: pytest.fail("parsed"))
    with pytest.raises(ModelContractError, match=r"was changed after it was registered .* restore the folder"):
        load_scorer(folder, digest)


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(ModelContractError, match=r"There is no model in .*nowhere; restore the folder"):
        load_scorer(tmp_path / "nowhere", "0" * 64)


def test_a_folder_in_use_is_not_written_over(saved):
    with pytest.raises(ModelContractError, match="is not empty; save the model into a new folder"):
        save_artifact(fitted(), saved[0])


def test_a_pickle_is_refused(saved):
    folder, _ = saved
    digest = replace_model(folder, pickle.dumps({"harmless": 1}))
    with pytest.raises(ModelContractError, match="is not a skops file, and pickle is refused"):
        load_scorer(folder, digest)


def test_a_type_that_is_not_on_the_list_is_refused_by_name_though_skops_trusts_it(saved):
    folder, _ = saved
    content = skops.io.dumps(Lasso().fit(X, Y))
    assert skops.io.get_untrusted_types(data=content) == []
    digest = replace_model(folder, content)
    with pytest.raises(ModelContractError, match=r"holds sklearn\.linear_model\._coordinate_descent\.Lasso, which"):
        load_scorer(folder, digest)


def test_a_function_hidden_in_a_skops_file_is_refused_by_name(saved):
    folder, _ = saved
    digest = replace_model(folder, skops.io.dumps({"call": np.sum}))
    with pytest.raises(ModelContractError, match=r"holds numpy\.sum, which Foretable does not load"):
        load_scorer(folder, digest)


def test_a_type_on_the_list_with_a_loader_of_another_kind_is_refused(saved):
    folder, _ = saved
    with zipfile.ZipFile(folder / SKOPS_FILE_NAME) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files["schema.json"] = (
        files["schema.json"].replace(b'"TupleNode"', b'"MethodNode"').replace(b'"DictNode"', b'"MethodNode"')
    )
    with zipfile.ZipFile(folder / SKOPS_FILE_NAME, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    digest = replace_model(folder, (folder / SKOPS_FILE_NAME).read_bytes())
    with pytest.raises(ModelContractError, match=r"holds builtins\.dict, .*which Foretable does not load"):
        load_scorer(folder, digest)


def test_input_of_another_shape_and_a_probability_of_a_number_are_refused(saved):
    scorer = load_scorer(*saved)
    with pytest.raises(ModelContractError, match=r"shape \(rows, 3\), got \(2, 2\); pass the features a, b, c"):
        scorer.predict(np.zeros((2, 2)))
    with pytest.raises(ModelContractError, match="return_5m predicts a number, which has no probability"):
        scorer.predict_probability(X)


def test_the_largest_input_is_what_the_arithmetic_of_the_family_holds(tmp_path):
    limits = []
    for family in ("ridge", "gradient_boosting", "random_forest", "decision_tree"):
        folder = tmp_path / family
        scorer = load_scorer(folder, save_artifact(fitted(family), folder))
        limits.append(scorer.largest_input)
        assert np.isfinite(scorer.predict(np.full((1, 3), scorer.largest_input * 0.5))).all() or family == "ridge"
    single, double = np.finfo(np.float32).max, np.finfo(np.float64).max
    assert limits == [double, double, single, single]


def test_no_rows_give_no_predictions(saved):
    assert load_scorer(*saved).predict(np.empty((0, 3))).shape == (0,)


def test_looking_up_and_reading_a_manifest_needs_neither_scikit_learn_nor_mlflow():
    code = (
        "import sys, models.registry, models.artifact;"
        "print(sorted({'sklearn', 'mlflow', 'keras', 'tensorflow', 'skops', 'onnxruntime', 'numba'} & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
