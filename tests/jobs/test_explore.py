"""Explore: training time only, each symbol for itself, as rows and as a page."""

import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from jobs import cli
from jobs.explore import OFFSETS, explore, explore_bars, read_training_bars, row_of
from jobs.explore_page import render_exploration
from models.errors import DataContractError

MADE_AT = datetime(2024, 2, 1, tzinfo=UTC)


def bars_of(symbol, n, skill, seed, start="2024-01-01T00:00Z"):
    """Bars of a minute whose variable tells a part of the next return."""
    random = np.random.default_rng(seed)
    known = random.normal(size=n)
    returns = np.concatenate([[0.0], (skill * known + random.normal(size=n))[:-1]])
    return pd.DataFrame({
        "exchange": "x", "symbol": symbol, "bar_start": pd.date_range(start, periods=n, freq="1min"),
        "close": 100 * np.exp(0.001 * np.cumsum(returns)), "features.known": known, "features.<odd> & co": 1.0,
        "features.absent": np.nan,
    })  # fmt: skip


@pytest.fixture(scope="module")
def found():
    return explore_bars(pd.concat([bars_of("B", 1500, 0.3, 1), bars_of("A", 1500, 0.3, 2)]), 60)


def test_a_row_says_what_a_feature_tells_by_horizon(found):
    known, odd, absent = (row_of(one, found) for one in found.features)
    assert (known["feature"], known["n"], known["share_null"]) == ("known", 3000, 0.0)
    assert 0.2 < known["ic_60s"] < 0.35
    assert re.fullmatch(r"0\.\d{3} to 0\.\d{3}", known["ic_60s_interval"])
    assert abs(known["autocorrelation"]) < 0.1
    assert (odd["mean"], odd["deviation"], odd["autocorrelation"], odd["ic_60s"]) == (1.0, 0.0, None, None)
    assert (absent["n"], absent["mean"], absent["ic_300s"]) == (0, None, None)
    assert json.dumps([known, odd, absent])  # no NaN and no number of NumPy's


class Drawn(HTMLParser):
    def __init__(self):
        super().__init__()
        self.headings, self.tags, self.links, self._in = [], [], [], None

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs).get("class")))
        self.links += [value for name, value in attrs if name in ("src", "href")]
        self._in = tag

    def handle_data(self, data):
        if self._in == "h3":
            self.headings.append(data)
        self._in = None


def test_the_page_draws_four_pictures_a_feature_the_most_telling_first(found):
    page = render_exploration(found, MADE_AT)
    drawn = Drawn()
    drawn.feed(page)
    assert drawn.headings[0] == "known"
    assert "&lt;odd&gt; &amp; co" in page
    assert sum(tag == "svg" for tag, _ in drawn.tags) == 4 * 3
    assert ("circle", "sure") in drawn.tags
    assert drawn.links == []
    assert "nan" not in re.sub("<[^>]*>", "", page).lower()
    assert page.count("too few values") >= 4  # of the absent one
    assert "Training time only" in page


def test_the_pipelines_features_are_explored_on_training_time(spark, in_pipeline, tmp_path):
    rows, page = explore(in_pipeline, 100_000, tmp_path / "explore.html")
    names = [item.name for item in in_pipeline.config.features.items]
    assert [row["feature"] for row in rows] == names
    n_training = spark.table("features").where("is_training AND bar_seconds = 60").count()
    assert max(row["n"] for row in rows) <= n_training
    assert page.read_text().count("<svg") == 4 * len(names)
    bars = read_training_bars(spark, 60, 100_000)
    held_out = spark.table("features").where("NOT is_training").agg({"bar_start": "min"}).first()[0]
    assert bars["bar_start"].max() < pd.Timestamp(held_out)
    assert len(bars) == n_training


def test_fewer_rows_are_the_newest_of_each_symbol(spark, in_pipeline):
    whole, part = read_training_bars(spark, 60, 100_000), read_training_bars(spark, 60, 20)
    n_symbols = whole["symbol"].nunique()
    assert len(part) == -(-20 // n_symbols) * n_symbols
    for symbol, rows in part.groupby("symbol"):
        newest = whole[whole["symbol"] == symbol]["bar_start"].max()
        assert rows["bar_start"].max() == newest


def test_without_features_the_command_to_run_is_named(schema, make_app, tmp_path):
    with pytest.raises(DataContractError, match="no features of 60 s bars on training time: run foretable normalize"):
        explore(make_app(), 1000, tmp_path / "x.html")


def test_the_command_is_known_and_its_help_has_examples(capsys):
    assert cli.run(["explore", "--help"]) == 0
    assert "foretable explore --rows 1000000" in capsys.readouterr().out


def test_offsets_of_the_page_and_of_the_rows_are_the_same(found):
    assert found.offsets == OFFSETS
    assert all(len(one.memory) == len(one.information) == len(OFFSETS) for one in found.features)
