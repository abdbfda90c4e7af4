import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from models.artifact import load_scorer
from models.errors import ModelContractError
from models.families import build_model
from models.mlflow_client import open_client
from models.mlflow_versions import read_from_client, read_from_sqlite, sqlite_file
from models.model_version import Reference, parse_reference
from models.protocol import ModelSpec
from models.registry import Registry
from models.training_profile import profile_training

FEATURES = ("a", "b")
X = np.random.default_rng(0).normal(size=(50, 2))
METRICS = {"train": {"mse": 1.0}, "test": {"mse": 1.5, "r2": 0.25}}


def fitted(alpha=1.0):
    spec = ModelSpec("ridge_5m", "ridge", "return_5m", options={"alpha": alpha}, horizon_seconds=300)
    return build_model(spec, FEATURES).fit(X, X[:, 0])


def register(registry, training_key, alpha=1.0, **more):
    model = fitted(alpha)
    return registry.register(model.spec, model, METRICS, {"n_rows": 50}, {"features": 7}, training_key, **more)


@pytest.fixture(scope="module")
def registry(tmp_path_factory):
    """Three versions of one model, of which the second is the champion."""
    filled = Registry.in_home(tmp_path_factory.mktemp("home"))
    register(filled, "first", loss_history={"train": [3.0, 2.0], "validation": [3.5, 2.5]})
    register(filled, "second", alpha=50.0)
    register(filled, "third")
    filled.set_alias("ridge_5m", "champion", 2)
    filled.set_alias("ridge_5m", "challenger", 3)
    return filled


def test_a_version_holds_what_scoring_needs(registry):
    version = registry.resolve("ridge_5m/1")
    assert (version.name, version.version, version.family, version.label) == ("ridge_5m", 1, "ridge", "return_5m")
    assert (version.feature_names, version.task, version.label_type) == (FEATURES, "regression", "DOUBLE")
    assert (version.classes, version.sequence_length, version.horizon_seconds) == ((), 1, 300)
    assert (version.metrics, version.data_versions, version.training_key) == (METRICS, {"features": 7}, "first")
    assert abs((datetime.now(UTC) - version.created_at).total_seconds()) < 3600


def test_the_artifact_of_a_version_predicts_what_the_fitted_model_does(registry):
    version = registry.resolve("ridge_5m@champion")
    assert load_scorer(version.folder, version.digest).predict(X).tolist() == fitted(50.0).predict(X).tolist()


@pytest.mark.parametrize(
    ("reference", "version"),
    [("ridge_5m", 2), ("ridge_5m@champion", 2), ("ridge_5m@challenger", 3), ("ridge_5m/1", 1), ("ridge_5m/3", 3)],
)
def test_a_reference_means_the_champion_a_version_or_an_alias(registry, reference, version):
    assert registry.resolve(reference).version == version


def test_a_name_without_a_champion_means_the_newest_version_and_aliases_move(registry, tmp_path):
    fresh = Registry.in_home(tmp_path)
    register(fresh, "a")
    register(fresh, "b")
    assert fresh.resolve("ridge_5m").version == 2
    fresh.set_alias("ridge_5m", "champion", 1)
    assert fresh.resolve("ridge_5m").version == 1
    fresh.set_alias("ridge_5m", "champion", 2)
    assert [version.aliases for version in fresh.list_versions("ridge_5m")] == [("champion",), ()]
    fresh.delete_version("ridge_5m", 2)
    assert [version.version for version in fresh.list_versions("ridge_5m")] == [1]
    fresh.delete_version("ridge_5m", 1)
    assert fresh.list_models() == []


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("rigde_5m", "There is no model 'rigde_5m'; known models: ridge_5m."),
        ("ridge_5m/9", "Model 'ridge_5m' has no version 9; it has 3, 2, 1."),
        (
            "ridge_5m@champoin",
            "Model 'ridge_5m' has no alias 'champoin'; its aliases are champion, challenger, its versions are 3, 2, 1.",
        ),
        ("ridge 5m", "'ridge 5m' names no model; write 'name', 'name/3' or 'name@alias'."),
        ("ridge_5m/0", "'ridge_5m/0' names no model; write 'name', 'name/3' or 'name@alias'."),
        ("x' OR 'a' = 'a", "\"x' OR 'a' = 'a\" names no model; write 'name', 'name/3' or 'name@alias'."),
    ],
)
def test_what_does_not_exist_is_told_with_what_does(registry, reference, message):
    with pytest.raises(ModelContractError) as refused:
        registry.resolve(reference)
    assert str(refused.value) == message


def test_an_empty_home_says_how_to_get_a_model_and_creates_no_store(tmp_path):
    empty = Registry.in_home(tmp_path)
    with pytest.raises(ModelContractError, match="no model 'ridge'; none is registered yet: run foretable train"):
        empty.resolve("ridge")
    assert empty.list_models() == []
    assert list((tmp_path / "registry").iterdir()) == []


def test_an_alias_for_a_version_that_does_not_exist_is_refused(registry):
    with pytest.raises(ModelContractError, match="has no version 9; it has 3, 2, 1"):
        registry.set_alias("ridge_5m", "champion", 9)


def test_a_version_holds_its_null_policy_transform_and_profile(tmp_path):
    # As wide as models get: MLflow keeps 100,000 characters of a tag.
    features = tuple(f"a_feature_with_a_long_name_{i:03}" for i in range(100))
    made = tuple((feature, f"ln(close / lag_{i}) -- {'x' * 600}") for i, feature in enumerate(features))
    spec = ModelSpec("wide", "ridge", "y", null_policy="impute", transform=made)
    inputs = np.random.default_rng(0).normal(size=(50, 100))
    model = build_model(spec, features).fit(inputs, inputs[:, 0])
    profile = profile_training(model, inputs, inputs[:, 0], None)
    registry = Registry.in_home(tmp_path)
    version = registry.register(spec, model, METRICS, {}, {}, "key", profile=profile)
    assert (version.null_policy, version.transform) == ("impute", made)
    assert load_scorer(version.folder, version.digest).profile.to_json() == profile.to_json()
    assert read_from_client(open_client(registry.tracking_uri)) == [version]

    too_long = replace(spec, transform=tuple((feature, "x" * 1000) for feature in features))
    model.spec = too_long
    with pytest.raises(
        ModelContractError, match=r"has 1\d\d,\d\d\d characters, of which MLflow keeps 100,000; take fewer"
    ):
        registry.register(too_long, model, METRICS, {}, {}, "other")
    assert len(registry.list_versions("wide")) == 1


def test_a_version_has_the_plain_policy_and_no_profile_where_nothing_was_asked(registry):
    version = registry.resolve("ridge_5m/1")
    assert (version.null_policy, version.transform) == ("null", ())
    assert load_scorer(version.folder, version.digest).profile is None


def test_the_same_training_is_found_again(registry):
    found = registry.find_by_training_key("ridge_5m", "second")
    assert found is not None
    assert found.version == 2
    assert registry.find_by_training_key("ridge_5m", "other") is None
    assert registry.find_by_training_key("other", "second") is None


def test_models_and_versions_are_listed(registry):
    assert registry.list_models() == ["ridge_5m"]
    assert [version.version for version in registry.list_versions("ridge_5m")] == [3, 2, 1]
    with pytest.raises(ModelContractError, match="There is no model 'other'; known models: ridge_5m"):
        registry.list_versions("other")


def test_the_run_in_mlflow_holds_parameters_metrics_and_the_loss_curve(registry):
    version = registry.resolve("ridge_5m/1")
    client = open_client(registry.tracking_uri)
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {"train/mse": 1.0, "test/mse": 1.5, "test/r2": 0.25}
    assert {
        "family": "ridge",
        "alpha": "1.0",
        "n_rows": "50",
        "horizon_seconds": "300",
    }.items() <= run.data.params.items()
    assert run.data.tags["foretable.digest"] == version.digest
    assert run.data.tags["foretable.data_versions"] == '{"features": 7}'
    picture = version.folder.parent / "loss_curve.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert not (registry.resolve("ridge_5m/2").folder.parent / "loss_curve.png").exists()


def test_sqlite_read_directly_says_the_same_as_mlflow(registry):
    client = open_client(registry.tracking_uri)
    file = sqlite_file(registry.tracking_uri)
    assert file is not None
    assert read_from_sqlite(file) == read_from_client(client)
    assert len(read_from_sqlite(file, "ridge_5m")) == len(read_from_client(client, "ridge_5m")) == 3
    assert sqlite_file("http://mlflow.example") is None


def test_a_promotion_by_another_process_is_seen_at_once(registry):
    other = Registry(registry.tracking_uri, registry.artifact_root)
    other.set_alias("ridge_5m", "moved", 1)
    assert registry.resolve("ridge_5m@moved").version == 1
    other.set_alias("ridge_5m", "moved", 3)
    assert registry.resolve("ridge_5m@moved").version == 3


def test_a_version_appears_only_after_its_artifact_is_complete(registry, monkeypatch):
    def stop(*_, **__):
        raise OSError("disk full")

    monkeypatch.setattr(registry._client, "log_batch", stop)
    with pytest.raises(OSError, match="disk full"):
        register(registry, "never")
    assert registry.find_by_training_key("ridge_5m", "never") is None
    assert len(registry.list_versions("ridge_5m")) == 3


def test_resolving_takes_milliseconds(registry):
    registry.resolve("ridge_5m")
    times = []
    for _ in range(20):
        start = time.perf_counter()
        registry.resolve("ridge_5m@champion")
        times.append(time.perf_counter() - start)
    assert min(times) < 0.05


def test_a_first_registration_is_silent(tmp_path):
    code = (
        "import sys, pathlib, numpy as np; from models.families import build_model;"
        "from models.protocol import ModelSpec; from models.registry import Registry;"
        "spec = ModelSpec('m', 'ridge', 'y');"
        "model = build_model(spec, ('a',)).fit(np.arange(9.0).reshape(-1, 1), np.arange(9.0));"
        "Registry.in_home(pathlib.Path(sys.argv[1])).register(spec, model, {'test': {'mse': 1.0}}, {}, {}, 'key')"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(tmp_path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "", "")


@pytest.fixture(scope="module")
def outlook(tmp_path_factory):
    """A registry with a model of three labels, the last of which was trained twice, and one that is only named alike."""
    filled = Registry.in_home(tmp_path_factory.mktemp("home"))
    for name, label in (
        ("outlook.late", "late"), ("outlook.Soon", "soon"), ("outlook.a.b", "a.b"), ("outlook.old", "new"),
        ("outlook.late", "late"),
    ):  # fmt: skip
        model = build_model(ModelSpec(name, "ridge", label), FEATURES).fit(X, X[:, 0])
        filled.register(model.spec, model, METRICS, {}, {}, f"{name}{len(filled.list_models())}")
    return filled


def test_a_model_of_several_labels_is_one_model_a_label_in_the_order_of_their_training(outlook):
    models = {"late": "outlook.late", "soon": "outlook.Soon", "a.b": "outlook.a.b"}
    assert list(outlook.targets("outlook").items()) == list(models.items())
    assert outlook.targets("outlook@challenger") == {label: f"{name}@challenger" for label, name in models.items()}
    for other in ("outlook.late", "outlook.late/1", "outlook.a", "nobody", "look"):
        assert outlook.targets(other) == {}


def test_several_labels_have_no_version_in_common(outlook):
    for ask in (outlook.targets, outlook.resolve):
        with pytest.raises(ModelContractError, match=r"^Model 'outlook' is one model for each of its labels, with .*: "
                           r"name one, outlook.late or outlook.Soon or outlook.a.b.$"):  # fmt: skip
            ask("outlook/1")


def test_a_name_stands_for_one_label_or_for_several(outlook):
    with pytest.raises(ModelContractError, match=r"^'outlook' stands for the models outlook.late, .*: choose another"):
        outlook.check_new_name("outlook", "late")
    with pytest.raises(ModelContractError, match=r"^There is a model 'outlook.late' of one label, .* or DROP MODEL"):
        outlook.check_new_name("outlook.late.soon", "soon")
    outlook.check_new_name("outlook.late.soon", "late")
    outlook.check_new_name("outlook.early", "early")


def test_a_reference_is_parsed_into_its_parts():
    assert parse_reference("a.b-c_1@x") == Reference("a.b-c_1", alias="x")
    assert parse_reference("a/12") == Reference("a", version=12)


def test_a_name_that_no_reference_can_hold_is_refused(registry):
    model = fitted()
    spec = ModelSpec("my model", "ridge", "y")
    with pytest.raises(ModelContractError, match="'my model' cannot name a model; start with a letter and use letters"):
        registry.register(spec, model, METRICS, {}, {}, "key")
