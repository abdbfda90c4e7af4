"""The page of examples/skill: corrected p-values by hand, and what a row says."""

import importlib.util
import json
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[2] / "examples" / "skill" / "page.py"


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("skill_page", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(model, difference, p, version=1):
    found = {"model": model, "version": version, "label": "next_1m", "n": 1_000, "mse": 4.0 + difference}
    scores = {"information_coefficient": 0.1234, "directional_accuracy": 0.5}
    interval = {"difference_lower": difference - 0.4, "difference_upper": difference + 0.4}
    return {**found, **scores, "mse_difference": difference, **interval, "dm_p_value": p}


def test_holm_multiplies_the_smallest_by_most_and_never_falls_again(page):
    # In order 0.005 x 5, 0.01 x 4, 0.03 x 3, 0.04 x 2 = 0.08 but not below 0.09; a missing one counts as 1.
    assert page.holm([0.01, 0.04, 0.03, None, 0.005]) == pytest.approx([0.04, 0.09, 0.09, 1.0, 0.025])
    assert page.holm([]) == []


def test_a_row_says_by_how_much_it_is_better_and_whether_that_is_more_than_chance(page, tmp_path, capsys):
    rows = [row("zero change", 0.0, None, None), row("x_ridge_1m", -1.0, 0.001), row("last value", 2.0, 0.01, None),
            row("x_boosting_1m", -0.4, 0.06)]  # fmt: skip
    (tmp_path / "bitflyer.json").write_text(json.dumps(rows))
    page.main([tmp_path / "bitflyer.json"])
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| 1m")]
    assert told == [
        "| 1m | ridge | 1,000 | +25.00% | +15.00% to +35.00% | 50.0% | 0.123 | **skill** |",
        "| 1m | last value | 1,000 | -50.00% | -60.00% to -40.00% | 50.0% | 0.123 | worse than nothing |",
        "| 1m | boosting | 1,000 | +10.00% | +0.00% to +20.00% | 50.0% | 0.123 | no skill shown |",
    ]
