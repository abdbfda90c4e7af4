"""``foretable lookahead-check`` as a user calls it: on the feature set, on a query, and with what it refuses."""

import json

import pytest

from jobs import cli
from jobs.commands.lookahead_check import lookahead_check as command
from jobs.feature_settings import FeatureSettings
from models.errors import DataContractError

SMALL = ["--rows", "300", "--cuts", "1"]
QUERY = "SELECT symbol, bar_start, {} AS f FROM bars"
OF_QUERY = ["--source", "bars", "--time", "bar_start", "--key", "symbol"]


@pytest.fixture
def small(in_pipeline):
    """The pipeline's App with a short look-back, so that few events are enough."""
    items = [
        {"name": "r", "kind": "log_return", "bars": 1, "scale": "zscore"},
        {"name": "i", "kind": "imbalance", "buy": "n_limit_buys", "sell": "n_limit_sells"},
    ]
    config = in_pipeline.config
    in_pipeline.config = config.model_copy(update={"features": FeatureSettings(items=items)})
    yield in_pipeline
    in_pipeline.config, in_pipeline.is_json = config, True


@pytest.mark.slow
def test_the_feature_set_is_proven_from_bars_from_orders_and_in_its_fit(small, capsys):
    command.main(SMALL, obj=small, standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    assert (found["is_causal"], found["leaks"], found["seed"]) == (True, [], 0)
    compared = {(row["checked"], row["test"], row["at"]): row for row in found["compared"]}
    checked = [name for name, _, _ in compared]
    assert list(dict.fromkeys(checked)) == ["features of bars", "fit of the scales", "orders to bars to features"]
    assert compared["features of bars", "truncated", "random"]["columns"] == 4  # r, i, is_warm, available_at
    assert compared["fit of the scales", "noise", "train_end"]["rows"] == 4  # two features of two symbols
    assert all(row["rows"] > 0 and row["leaks"] == 0 for row in found["compared"])


@pytest.mark.slow
def test_the_default_feature_set_is_causal_on_half_a_day(in_pipeline, capsys):
    command.main(["--rows", "2000"], obj=in_pipeline, standalone_mode=False)
    found = json.loads(capsys.readouterr().out)
    assert found["is_causal"]
    assert sum(row["rows"] for row in found["compared"]) > 20_000


def test_a_leaking_query_in_a_file_ends_with_3_a_table_and_one_sentence(small, capsys, tmp_path):
    small.is_json = False
    file = tmp_path / "features.sql"
    file.write_text(QUERY.format("lead(close) OVER (PARTITION BY symbol ORDER BY bar_start)") + ";\n")
    with pytest.raises(
        DataContractError, match=r"f looks ahead: at symbol=\S+ bar_start=2024.* with them gone; it come"
    ):
        command.main(["--query", str(file), *OF_QUERY, *SMALL], obj=small, standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["checked", "test", "at", "cuts", "rows", "columns", "leaks"]
    leak = lines[[line.startswith("column ") for line in lines].index(True) + 2]
    assert leak.startswith("f       truncated, noise  2024-")


def test_a_causal_query_is_told_so_and_quiet_says_nothing(small, capsys):
    text = QUERY.format("lag(close) OVER (PARTITION BY symbol ORDER BY bar_start)")
    text += f" WHERE symbol <> '{'z' * 300}'"  # too long for the name of a file
    command.main(["--query", text, *OF_QUERY, *SMALL, "--warm-up", "1"], obj=small, standalone_mode=False)
    said = capsys.readouterr()
    assert json.loads(said.out)["is_causal"]
    assert said.err == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--key", "a"], "--key tells of a query: give it with --query"),
        (["--query", "SELECT 1", "--source", "bars"], "--query needs --time"),
        (["--query", "SELECT 1", *OF_QUERY, "--bar-seconds", "60"], "--bar-seconds is for the feature set"),
        (["--query", "none.sql", *OF_QUERY], "--query takes SQL or a file, and there is no file none.sql"),
        (["--cuts", "0"], "Invalid value for '--cuts'"),
    ],
)
def test_options_that_do_not_go_together_are_exit_2_before_spark_starts(arguments, sentence, capsys):
    assert cli.run(["lookahead-check", *arguments]) == 2
    assert sentence in capsys.readouterr().err
