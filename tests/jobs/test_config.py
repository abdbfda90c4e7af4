from pathlib import Path

import pytest

from jobs.config import Config, load_config
from models.errors import UsageError

COINBASE = {"path": "data/*.jsonl.gz", "format": "coinbase_full", "exchange": "coinbase"}


@pytest.fixture
def write(tmp_path):
    """Writes foretable.yml and returns its path."""

    def write(text):
        file = tmp_path / "foretable.yml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def load(file=None, flags=None, environment=None):
    return load_config(file, flags or {}, environment or {})


def refused(file, flags=None, environment=None):
    with pytest.raises(UsageError) as error:
        load(file, flags, environment)
    text = str(error.value)
    assert "\n" not in text
    return text.removeprefix(f"{file}: ")


def test_without_a_file_the_defaults_hold(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load(environment={"HOME": str(tmp_path)})
    assert config.home == Path.home() / ".foretable"
    assert (config.schema_name, config.master, config.max_bad) == ("foretable", "local[*]", 0.01)
    assert config.bars.seconds == (10, 60)
    assert [model.family for model in config.models] == ["ridge", "random_forest", "lstm"]


def test_the_file_of_the_current_folder_is_read(write, monkeypatch):
    monkeypatch.chdir(write("schema: mine\n").parent)
    assert load().schema_name == "mine"


def test_an_empty_file_changes_nothing(write):
    assert load(write("# nothing\n")).schema_name == "foretable"


def test_the_environment_wins_over_the_file_and_a_flag_over_both(write):
    file = write("schema: from_file\n")
    environment = {"FORETABLE_SCHEMA": "from_environment"}
    assert load(file).schema_name == "from_file"
    assert load(file, environment=environment).schema_name == "from_environment"
    assert load(file, {"schema": "from_flag"}, environment).schema_name == "from_flag"
    assert load(file, {"schema": None}, environment).schema_name == "from_environment"  # not given


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("FORETABLE_HOME", "/data/foretable", "home", Path("/data/foretable")),
        ("FORETABLE_MASTER", "local[2]", "master", "local[2]"),
        ("FORETABLE_MAVEN_MIRROR", "https://mirror/maven2", "maven_mirror", "https://mirror/maven2"),
        ("FORETABLE_MAX_BAD", "0.5", "max_bad", 0.5),
    ],
)
def test_each_plain_key_has_its_variable(tmp_path, monkeypatch, variable, text, key, value):
    monkeypatch.chdir(tmp_path)
    assert getattr(load(environment={variable: text}), key) == value


def test_spark_settings_of_file_and_flags_add_up_and_the_flag_wins(write):
    file = write("spark: {spark.executor.cores: '2', spark.executor.memory: 1g}\n")
    config = load(file, {"spark": {"spark.executor.memory": "8g"}})
    assert config.spark == {"spark.executor.cores": "2", "spark.executor.memory": "8g"}


def test_paths_in_the_file_count_from_the_file(write, tmp_path, monkeypatch):
    file = write(
        "home: state\n"
        "sources:\n"
        "  - {path: data/*.jsonl.gz, format: coinbase_full, exchange: coinbase}\n"
        "  - {path: /abs/x.gz, format: bitstamp_log, exchange: bitstamp, symbol: BTC-USD}\n"
    )
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    config = load(file)
    assert [source.path for source in config.sources] == [str(tmp_path / "data" / "*.jsonl.gz"), "/abs/x.gz"]
    assert config.home == tmp_path / "state"


def test_a_home_of_variable_or_flag_counts_from_the_current_folder(write, tmp_path, monkeypatch):
    file = write("home: state\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load(file, environment={"FORETABLE_HOME": "here"}).home == elsewhere / "here"
    assert load(file, {"home": "there"}, {"FORETABLE_HOME": "here"}).home == elsewhere / "there"


def test_spark_settings_that_are_no_mapping_are_refused_beside_a_flag_too(write):
    assert refused(write("spark: [x]\n"), {"spark": {"a": "b"}}) == "spark: Input should be a valid dictionary"


def test_a_tilde_is_the_home_of_the_user(write, monkeypatch):
    monkeypatch.setenv("HOME", "/home/someone")
    assert load(write("home: ~/f\n")).home == Path("/home/someone/f")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shema: x\n", "shema: is not a known key"),
        ("bars: {second: [10]}\n", "bars.second: is not a known key"),
        ("bars: {seconds: [0]}\n", "bars.seconds.0: Input should be greater than or equal to 1"),
        ("bars: {seconds: [86401]}\n", "bars.seconds.0: Input should be less than or equal to 86400"),
        ("bars: {seconds: [10]}\n", "model_bar_seconds 60 is not among bars.seconds [10]"),
        ("schema: Foretable\n", "schema: String should match pattern '^[a-z][a-z0-9_]{0,62}$'"),
        ("max_bad: 2\n", "max_bad: Input should be less than or equal to 1"),
        ("sources: 5\n", "sources: Input should be a valid tuple"),
        ("sources: [x]\n", "sources.0: Input should be a valid dictionary or instance of Source"),
        ("spark: [x]\n", "spark: Input should be a valid dictionary"),
        ("spark: {spark.executor.cores: 2}\n", "spark.spark.executor.cores: Input should be a valid string"),
        (
            "sources: [{path: x, format: tsv, exchange: e}]\n",
            "sources.0.format: Input should be 'coinbase_full', 'bitstamp_log', 'coinbase_websocket', "
            "'binance_websocket', 'lobster', 'bitflyer_executions', 'databento_mbo', 'csv' or 'parquet'",
        ),
        (
            "sources: [{path: x, format: csv, exchange: e}]\n",
            "sources.0: csv needs a mapping: a YAML file that says which column is what",
        ),
        (
            "sources: [{path: x, format: bitstamp_log, exchange: e}]\n",
            "sources.0: bitstamp_log needs a symbol, for example BTC-USD: its lines name none",
        ),
        (
            "sources: [{path: x, format: bitstamp_log, exchange: e, symbol: A, epoch: 1}]\n",
            "sources.0: bitstamp_log takes its epoch from the file: remove epoch",
        ),
        (
            "sources: [{path: x, format: coinbase_full, exchange: e, symbol: A}]\n",
            "sources.0: coinbase_full names the product itself: remove symbol",
        ),
        ("training: {validation_fraction: 0.5}\n", "training.validation_fraction: Input should be less than 0.5"),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_its_place(write, text, message):
    assert refused(write(text)) == message


def test_a_model_of_several_labels_is_one_model_for_each(write):
    labels = "labels: [{name: soon, kind: log_return, horizon_seconds: 60}, {name: late, kind: log_return, horizon_seconds: 600}]\n"
    config = load(
        write(labels + "models: [{name: outlook, family: lasso, label: [late, soon], options: {alpha: 2}}]\n")
    )
    assert [(model.name, model.label) for model in config.models] == [
        ("outlook.late", "late"),
        ("outlook.soon", "soon"),
    ]
    assert {(model.family, model.options["alpha"]) for model in config.models} == {("lasso", 2)}


def test_models_that_cannot_be_told_apart_or_predict_nothing_are_refused(write):
    twice = "models: [{name: m, family: ridge}, {name: m, family: lasso}]\n"
    assert refused(write(twice)) == "two models are named m: give each its own name"
    message = refused(write("models: [{name: m, family: ridge, label: [return_5m, return_5m]}]\n"))
    assert message == "two models are named m.return_5m: give each its own name"
    message = refused(write("models: [{name: m, family: ridge, label: []}]\n"))
    assert message == "models: model m has an empty list of labels: name one, or leave the key out"


def test_a_model_of_an_unknown_label_is_told_which_labels_there_are(write):
    message = refused(write("models: [{name: m, family: ridge, label: up}]\n"))
    assert message.startswith("model m predicts up, which is not a label: ")
    assert "return_5m" in message


def test_a_wrong_variable_is_refused_like_a_wrong_key(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = refused(None, environment={"FORETABLE_MAX_BAD": "many"})
    assert text == "configuration: max_bad: Input should be a valid number, unable to parse string as a number"


def test_a_file_that_is_not_there_is_named_with_the_remedy(tmp_path):
    file = tmp_path / "no.yml"
    assert refused(file) == f"{file} cannot be read (No such file or directory): name the configuration with --config"


@pytest.mark.parametrize("text", ["a: [\n", "a: b: c\n", "\tx: 1\n", "x: !!python/object:os.system {}\n"])
def test_a_file_that_is_not_yaml_is_one_sentence(write, text):
    file = write(text)
    with pytest.raises(UsageError, match=rf"^{file} is not valid YAML: ") as error:
        load(file)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_utf_8_is_one_sentence(write):
    file = write("")
    file.write_bytes(b"schema: \xff\xfe\n")
    with pytest.raises(UsageError, match=rf"^{file} is not UTF-8 text \(byte 8\): save it as UTF-8$"):
        load(file)


def test_a_file_that_holds_a_list_is_one_sentence(write):
    file = write("- a\n")
    with pytest.raises(UsageError, match=r"must hold keys such as sources, bars and models, got a list$"):
        load(file)


def test_the_digest_follows_the_named_sections_only(write):
    base = load(write("max_bad: 0.1\n"))
    assert load(write("max_bad: 0.2\n")).digest("bars") == base.digest("bars")
    changed = load(write("bars: {seconds: [60, 300]}\n"))
    assert changed.digest("bars") != base.digest("bars")
    assert len(base.digest("bars", "features")) == 64


def test_the_section_book_puts_the_book_before_the_bars_and_only_then():
    without, with_book = Config(), Config(book={})
    assert [step.job for step in without.steps] == ["ingest", "resample", "normalize", "train", "score"]
    needs = {step.name: step.needs for step in with_book.steps}
    assert needs == {
        "ingest": (),
        "book": ("ingest",),
        "resample": ("book",),
        "normalize": ("resample",),
        "train": ("normalize",),
        "score": ("train",),
    }
    own = Config(book={}, steps=["ingest", "book"])
    assert [step.job for step in own.steps] == ["ingest", "book"]


def test_the_digest_of_the_book_is_that_of_the_settings_in_use():
    assert Config().book_digest == Config(book={}).book_digest == Config(book={"depth_levels": 10}).book_digest
    assert Config(book={"depth_levels": 9}).book_digest != Config().book_digest
