"""examples/gold from CSV files to the page, on two nights, against pandas and scikit-learn."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

GOLD = Path(__file__).resolve().parents[2] / "examples" / "gold"
PURGED = pd.Timedelta(days=36)
pytestmark = pytest.mark.slow


@pytest.fixture
def prices(recordings, tmp_path):
    """Folder of the two CSV files, to be changed by a test."""
    folder = tmp_path / "prices"
    folder.mkdir()
    for file in (recordings / "daily").glob("*.csv"):
        shutil.copyfile(file, folder / file.name)
    return folder


@pytest.fixture
def night(prices, tmp_path):
    """Run nightly.sh; returns the rows of the CSV file and the text of the page."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "jars").symlink_to(Path.home() / ".foretable" / "jars")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "FORETABLE_HOME": str(tmp_path / "home")}

    def run():
        words = ["bash", GOLD / "nightly.sh", prices, tmp_path / "site"]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=1_800)
        assert done.returncode == 0, done.stdout + done.stderr
        (file,) = (tmp_path / "site" / "predictions").glob("*.csv")
        return pd.read_csv(file, parse_dates=["day"]).set_index("day"), (tmp_path / "site" / "index.html").read_text()

    return run


def read_closes(folder, pattern):
    (file,) = folder.glob(pattern)
    rows = pd.read_csv(file, na_values="null", parse_dates=["Date"])
    return rows.dropna(subset=["Close"]).set_index("Date").Close


def expected_examples(folder):
    """Features and label of each day, by pandas."""
    gold, dollar = read_closes(folder, "gold_*"), read_closes(folder, "usdx_*")
    days = pd.DataFrame({"gold": gold, "dollar": dollar}).sort_index()
    days["dollar"] = days.dollar.ffill()
    days = days.dropna()
    features = {
        f"{name}_{n}": np.log(days[name] / days[name].rolling(n).mean())
        for name in ("gold", "dollar")
        for n in (20, 50, 200)
    }
    label = days.gold.shift(-20) / days.gold - 1
    return pd.DataFrame(features).dropna(), label


def expected_predictions(features, label):
    """Of a ridge on the first 60 % of the time before 2015, less the labels that reach over that border."""
    known = features[(features.index < "2014-11-25") & label.loc[features.index].notna()]
    span = known.index[-1] - known.index[0]
    fitted = known[known.index + PURGED < known.index[0] + 0.6 * span]
    scaler = StandardScaler().fit(fitted)
    model = Ridge(alpha=1_000).fit(scaler.transform(fitted), label.loc[fitted.index])
    return pd.Series(model.predict(scaler.transform(features)), features.index)


def test_two_nights_predict_what_scikit_learn_does_and_the_page_says_what_it_is_worth(night, prices):
    told, page = night()
    features, label = expected_examples(prices)
    assert told.index.equals(features.index)
    np.testing.assert_allclose(told.return_20_days, label.loc[told.index], rtol=1e-9)
    np.testing.assert_allclose(told.prediction, expected_predictions(features, label), rtol=1e-7)
    assert told.is_unseen.tolist() == (told.index >= "2015-01-01").tolist()
    unseen = told[told.is_unseen].dropna()
    error = np.sqrt(np.mean((unseen.prediction - unseen.return_20_days) ** 2))
    assert f"its error is {error:.2%}" in page
    assert "worse than predicting no change" in page

    (file,) = prices.glob("gold_*")
    with file.open("a") as rows:
        rows.write("\n2019-01-02,1285,1285,1285,1285.5,1285.5,0\n2019-01-03,null,null,null,null,null,null\n")
    later, _ = night()
    assert later.index.tolist() == [*told.index, pd.Timestamp("2019-01-02")]
    assert later.version.unique().tolist() == [1]  # what ended before 2015 is the same, and so is the model
    pd.testing.assert_series_equal(later.prediction[:-1], told.prediction)
    known_now = told.index[-20]
    assert (told.return_20_days.isna()[known_now], later.return_20_days.isna()[known_now]) == (True, False)
