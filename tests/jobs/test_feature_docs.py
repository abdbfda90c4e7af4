"""docs/features.md names every kind of feature with its arguments, and every column of the book."""

import re
from pathlib import Path

import pytest
import yaml

from jobs.config import Config
from jobs.feature_kinds import BOOK_COLUMNS, FEATURE_KINDS, TIME_COLUMNS, Feature

TEXT = (Path(__file__).parents[2] / "docs" / "features.md").read_text()


@pytest.mark.parametrize("kind", FEATURE_KINDS)
def test_a_kind_stands_in_the_table_with_its_arguments(kind):
    (arguments,) = re.findall(rf"^\|[^|]*`{kind}`[^|]*\| ([^|]*?) *\|", TEXT, re.MULTILINE)
    own = set(FEATURE_KINDS[kind].model_fields) - set(Feature.model_fields) - {"kind"}
    assert set(filter(None, arguments.split(", "))) == own


def test_every_column_of_the_book_is_explained():
    assert {name for name in (*BOOK_COLUMNS, *TIME_COLUMNS) if f"`{name}`" not in TEXT} == set()


def test_the_example_is_a_configuration():
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    config = Config.model_validate(yaml.safe_load(example))
    assert [step.job for step in config.steps][:3] == ["ingest", "book", "resample"]
    assert config.features.of_book == ("spread", "pressure", "order_flow", "depth")
    assert config.features.other_symbols == ("BTC-USD",)
