"""Training by group through the path that pipeline and CREATE MODEL share; a registry, and no Spark."""

import json
import re

import numpy as np
import pytest

from jobs import cli
from jobs.batch_columns import check_headers, decide_columns
from jobs.batch_scan import FileFacts
from jobs.config import Config, load_config
from jobs.model_training import Examples, Trained, fit_and_register
from jobs.train import _choose_default
from models.artifact import GOLDEN_ROWS, load_scorer, read_groups
from models.errors import ModelContractError, UsageError
from models.folds import Fold
from models.golden_rows import GoldenRows
from models.group_key import key_columns
from models.protocol import ModelSpec
from models.registry import Registry
from models.splits import TimeSplit
from models.xxhash64 import xxhash64

N = 600
NAMES = {xxhash64(name.encode()): name for name in ("up", "down", "late")}


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.fixture
def registry(home):
    return Registry.in_home(home)


@pytest.fixture
def said():
    return []


@pytest.fixture
def train(registry, said):
    """Train under a name; ``slopes`` are those of the groups, of which ``late`` occurs after training only."""
    random = np.random.default_rng(0)
    inputs = random.normal(size=(N, 2))
    place = random.integers(0, 2, N)
    groups = np.where((np.arange(N) >= 400) & (np.arange(N) % 5 == 0), "late", np.array(["up", "down"])[place])
    rows = np.arange(N)
    parts = TimeSplit(rows[:400], rows[400:500], rows[500:])
    folds = (Fold(rows[:200], rows[200:300]),)

    def fit(name, slopes=(2.0, -2.0), group="symbol", family="ridge", **options):
        labels = inputs[:, 0] * np.array(slopes)[place] + random.normal(size=N) * 0.1
        X = inputs if group is None else np.hstack([inputs, key_columns(groups)])
        spec = ModelSpec(name, family, "y", "regression", {"alpha": 1.0, **options}, group=group)
        named = NAMES if group else {}
        examples = Examples(("a", "b"), X, labels, parts, folds, named)
        key = f"{slopes}{group}{options}"
        return fit_and_register(registry, spec, examples, key, {}, said.append, "warn")

    return fit


def test_a_version_keeps_what_became_of_each_group(train, said):
    version = train("m").version
    results = read_groups(version.folder, version.digest)
    assert [(result.group_name, result.status) for result in results] == [
        ("down", "own"),
        ("late", "not in the training rows"),
        ("up", "own"),
    ]
    late = results[1]  # each fifth row from 400 on
    assert (late.n_train, late.n_validation, late.n_test) == (0, 20, 20)
    assert sum(result.n_train for result in results) == 400
    assert sum(result.n_validation for result in results) == 100
    assert version.metrics["groups"] == {"own": 2, "pooled": 1}
    assert "2 of 3 groups have a model of their own; that of all rows answers for the others" in said
    assert version.metrics["fold_1"]["rmse"] < 1.5  # a fold's model has groups, too: one of all rows has 2
    assert load_scorer(version.folder, version.digest).manifest.group == "symbol"


def test_golden_rows_ask_the_models_of_the_groups(train):
    version = train("m").version
    golden = GoldenRows.from_bytes((version.folder / GOLDEN_ROWS).read_bytes())
    assert golden.inputs.shape == (32, 4)
    assert np.abs(golden.answers).max() > 1  # one of all rows predicts about 0


def test_groups_lead_where_they_do_better_than_one_model_and_not_where_they_do_worse(train):
    assert train("better", group=None).is_champion
    assert train("better").is_champion
    assert train("worse", slopes=(1.0, 1.0), group=None).is_champion
    poor = train("worse", slopes=(1.0, 1.0), alpha=1e4)
    assert not poor.is_champion
    assert poor.version.version == 2


def test_a_model_by_group_is_not_chosen_to_answer_where_none_is_named(train, registry):
    config = Config(home=registry.artifact_root)
    by_group, plain = train("by_group"), train("plain", group=None)
    by_group.version.metrics["validation"]["mse"] = 0.0
    _choose_default(config, registry, [by_group, plain])
    assert registry.default_model() == "plain"
    _choose_default(config, registry, [by_group])
    assert registry.default_model() == "by_group"


def test_the_list_of_models_says_how_many_groups_have_their_own(train, home, capsys):
    train("m")
    train("plain", group=None)
    cli.run(["--home", str(home), "--json", "models", "list"])
    rows = {row["model"]: row for row in json.loads(capsys.readouterr().out)}
    assert (rows["m"]["groups"], rows["plain"]["groups"]) == ("2 of 3", "")
    cli.run(["--home", str(home), "--json", "models", "show", "m"])
    shown = json.loads(capsys.readouterr().out)
    assert (shown["group"], shown["groups.own"]) == ("symbol", 2)
    assert cli.run(["--home", str(home), "--json", "models", "verify"]) == 0


def facts(**columns):
    return FileFacts("x.csv", 1, "", 1, 0, None, {name: list(kinds) for name, kinds in columns.items()}, [])


def test_a_file_gives_the_group_as_it_is_written(train, tmp_path):
    version = train("m").version
    columns = decide_columns([facts(symbol=["integer"], a=["number"], b=["integer"], c=["integer"])], version, {})
    assert {column.name: column.type for column in columns} == {
        "symbol": "string", "a": "double", "b": "double", "c": "bigint",
    }  # fmt: skip
    file = tmp_path / "points.csv"
    file.write_text("a,b\n1,2\n")
    lacking = f"model m/1 needs the group column symbol, which {file} lacks: it has"
    with pytest.raises(ModelContractError, match=re.escape(lacking)):
        check_headers([file], version)


def test_a_configuration_names_the_group_of_a_model(tmp_path):
    file = tmp_path / "foretable.yml"
    file.write_text("models: [{name: m, family: ridge, group: symbol, group_min_rows: 80}]\n")
    (model,) = load_config(file, {}).models
    assert (model.group, model.group_min_rows) == ("symbol", 80)
    file.write_text("models: [{name: m, family: ridge, group: bar_start}]\n")
    with pytest.raises(UsageError, match=r"models\.0\.group: Input should be 'symbol' or 'exchange'"):
        load_config(file, {})


def test_the_same_training_registers_nothing(train):
    first = train("m")
    again = train("m")
    assert isinstance(again, Trained)
    assert (again.version.version, again.version.metrics["groups"]) == (1, first.version.metrics["groups"])
