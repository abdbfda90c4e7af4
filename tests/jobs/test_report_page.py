import json
import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from jobs import report_shell
from jobs.report_data import ACCOUNTING_COLUMNS, EVALUATION_COLUMNS, MODEL_COLUMNS, ReportData
from jobs.report_page import render_report, write_report

HOSTILE = "</script><img src=x onerror=alert(1)>\"'&$$x$$@p0"
START = pd.Timestamp("2024-01-03", tz="UTC")


def predictions(model="ridge", symbol="BTC-USD", version=2, n=400, skip=()):
    noise = np.random.default_rng(len(symbol)).normal(size=n) * 1e-4
    bar = {"exchange": "coinbase", "symbol": symbol, "bar_seconds": 60, "model": model, "version": version}
    times = pd.date_range(START, periods=n, freq="60s")
    rows = pd.DataFrame({**bar, "bar_start": times, "label": "return_5m", "prediction": noise / 2, "actual": noise})
    return rows.assign(is_held_out=True).drop(index=list(skip))


def sample(model="ridge", symbol="BTC-USD", file="day.jsonl.gz"):
    n = 300
    values = np.linspace(-1, 1, n)
    features = pd.DataFrame({"is_training": np.arange(n) < 200, "label": values / 1e4, "log_return": values})
    zero = dict.fromkeys(EVALUATION_COLUMNS) | {
        "model": "zero change",
        "n": 790,
        "mse": 4e-8,
        "rmse": 2e-4,
        "mae": 1e-4,
    }
    ridge = zero | {"model": model, "version": 2, "mse": 3.5678e-8, "r2": 0.1081, "mse_difference": -4.32e-9}
    ridge |= {"difference_lower": -6e-9, "difference_upper": -2e-9, "information_coefficient": 0.3217}
    registered = [model, 2, "ridge", "ab" * 32, json.dumps({"alpha": 12.5}), json.dumps({"features": 7}), True]
    covered = {"exchange": "coinbase", "bar_seconds": 60, "n_bars": 1300, "n_training": 900}
    covered |= {"first_bar_start": START - pd.Timedelta("15h"), "last_bar_start": START + pd.Timedelta("399min")}
    return ReportData(
        label="return_5m",
        predictions=pd.concat([predictions(model, symbol), predictions("forest", symbol, 1),
                               predictions(model, "ETH-USD", skip=range(50, 90))], ignore_index=True),
        features=features,
        evaluation=pd.DataFrame([ridge, zero], columns=EVALUATION_COLUMNS),
        models=pd.DataFrame([registered], columns=MODEL_COLUMNS),
        accounting=pd.DataFrame([[file, 12345, 12300, 30, 15, 0]], columns=ACCOUNTING_COLUMNS),
        coverage=pd.DataFrame([covered | {"symbol": symbol}, covered | {"symbol": "ETH-USD"}]),
        n_gaps=2,
        n_missing=1417,
    )  # fmt: skip


@pytest.fixture(scope="module")
def page():
    return render_report(sample())


def rows_of(page, heading):
    table = page[page.index(heading) :].split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in table.split("</tr>") if row]
    return [[re.sub(r"<svg.*</svg>", "", cell) for cell in row] for row in rows]


def markup(page):
    """The page without the text of its scripts: what the browser reads as tags."""
    return re.sub(r"(<script[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)


def test_the_page_loads_nothing_from_outside(page):
    assert not re.findall(r"<(?:script|img|iframe)[^>]+src=|<link|@import|url\(|https?:", markup(page))
    assert markup(page).count("<script") > 4
    assert "cdn." not in page.lower()
    assert "googleapis" not in page


def test_the_page_stays_below_four_megabytes_with_ten_symbols_of_twenty_thousand_bars():
    many = pd.concat([predictions(symbol=f"S{i}", n=20_000) for i in range(10)], ignore_index=True)
    page = render_report(replace(sample(), predictions=many))
    assert len(page.encode()) < 4_000_000
    assert "coinbase S7, 1 min bars: 1 of 8 of 20,000 bars" in page


def test_the_headline_names_data_champion_and_difference(page):
    assert "On held-out time ridge/2 beats always predicting zero change" in page
    assert "−0.432 bps² (−10.80\N{NO-BREAK SPACE}%), 95 % block-bootstrap interval −0.600 to −0.200 bps²" in page
    for fact in ("coinbase", "BTC-USD, ETH-USD", "2024-01-02 09:00", "2024-01-03 06:39", "2,600 of 1 min", "800"):
        assert f"<dd>{fact}</dd>" in page


def test_the_model_table_shows_the_evaluation_in_basis_points(page):
    ridge, zero = rows_of(page, "Models compared")
    assert ridge == ["ridge/2", "790", "3.568", "2.000", "1.000", "0.1081", "–", "0.322", "−0.432 (−0.600 to −0.200)"]
    assert zero == ["zero change", "790", "4.000", "2.000", "1.000", "–", "–", "–", "–"]


def test_the_feature_table_shows_each_feature_with_its_distribution(page):
    (row,) = rows_of(page, "<h2>Features")
    assert row[0] == "log_return"
    assert [row[i] for i in (2, 3, 5, 6, 8, 9, 10)] == [
        "300", "0.0\N{NO-BREAK SPACE}%", "0.5802", "−1.000", "1.000", "1.000", "1.000"
    ]  # fmt: skip
    assert "a sample of 300 of 2,600 bars" in page
    assert page.count("<svg class=distribution") == 1


def test_the_registered_version_shows_parameters_digest_and_data_version(page):
    assert "<dt>alpha</dt><dd>12.5</dd>" in page
    assert "<dt>features</dt><dd>7</dd>" in page
    assert f"<code>{'ab' * 32}</code>" in page
    assert "ridge/2 ★ champion" in page


def test_the_row_accounting_balances_and_names_the_holes(page):
    assert rows_of(page, "Rows taken in") == [["day.jsonl.gz", "12,345", "12,300", "30", "15", "0", "yes"]]
    assert "2 holes in the exchange's numbering, 1,417 messages missing" in page


def test_the_row_accounting_says_where_rows_are_lost_and_sums_the_files():
    files = pd.DataFrame([["a", 10, 8, 1, 0, 0], ["b", 5, 5, 0, 0, 0]], columns=ACCOUNTING_COLUMNS)
    _, whole, total = rows_of(render_report(replace(sample(), accounting=files)), "Rows taken in")
    assert whole[-1] == "yes"
    assert total == ["all files", "15", "13", "1", "0", "0", "<strong>no, 1 unaccounted</strong>"]


def test_every_bar_is_drawn_while_there_are_few_and_the_page_says_so(page):
    assert "Every bar is drawn." in page


def test_predictions_on_training_time_are_not_shown():
    trained = predictions(symbol="TRAINED-ON").assign(is_held_out=False)
    page = render_report(replace(sample(), predictions=pd.concat([predictions(), trained], ignore_index=True)))
    assert "coinbase BTC-USD, 1 min bars" in page
    assert "TRAINED-ON" not in page


def test_hostile_names_are_text():
    page = render_report(sample(model=HOSTILE, symbol=HOSTILE, file=HOSTILE))
    assert "<img" not in markup(page)
    assert markup(page).count("&lt;img src=x onerror=alert(1)&gt;") > 5
    assert "<img src=x" not in page


def test_without_anything_the_page_says_what_to_run_for_each_part():
    page = render_report(ReportData("return_5m"))
    for command in ("normalize", "score", "evaluate", "train", "ingest FILE"):
        assert f"<code>foretable {command}</code>" in page
    assert "No model is the champion yet" in page


def test_predictions_whose_outcome_is_not_known_yet_are_drawn():
    unknown = predictions().assign(actual=None)
    assert "coinbase BTC-USD, 1 min bars" in render_report(replace(sample(), predictions=unknown))


def test_a_failed_write_leaves_the_older_report_and_no_other_file(tmp_path, monkeypatch):
    file = tmp_path / "reports" / "report.html"
    assert write_report(ReportData("return_5m"), file) == file
    older = file.read_text()

    def disk_is_full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report_shell.os, "fsync", disk_is_full)
    with pytest.raises(OSError, match="No space left on device"):
        write_report(sample(), file)
    assert file.read_text() == older
    assert list(file.parent.iterdir()) == [file]


PROBE = """<script>
const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds))
const deep = root => [...root.querySelectorAll("*")].flatMap(e => [e, ...(e.shadowRoot ? deep(e.shadowRoot) : [])])
const isInked = canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(v => v)
const probe = async () => {
  await wait(2500)
  const find = name => Bokeh.documents[0].get_model_by_name(name)
  const shown = find("time_series").children[0].renderers[0].data_source
  const nBefore = shown.data.actual.length
  find("symbol").value = "1"
  await wait(500)
  const canvases = deep(document.body).filter(e => e.tagName === "CANVAS" && e.width > 100 && isInked(e))
  document.querySelector("h2").textContent = JSON.stringify({
    n_charts: new Set(canvases.map(canvas => canvas.getRootNode())).size,
    n_points: [nBefore, shown.data.actual.length],
    n_holes: Array.from(shown.data.actual).filter(Number.isNaN).length,
    n_requests: performance.getEntriesByType("resource").length,
  })
}
probe()
</script>"""


def test_a_browser_without_network_draws_all_charts_switches_symbols_and_has_no_complaint(page, tmp_path):
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no chromium on the path")
    file = tmp_path / "report.html"
    file.write_text(page.rpartition("</body>")[0] + PROBE + "</body></html>", encoding="utf-8")
    off = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
    off += ["--disable-component-update", "--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND"]
    look = ["--headless", "--enable-logging=stderr", "--v=0", "--virtual-time-budget=8000", "--window-size=1280,3000"]
    command = [browser, *off, *look, f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri()]
    outcome = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    console = [line for line in outcome.stderr.splitlines() if "CONSOLE" in line and "[bokeh" not in line]
    assert console == []
    assert not re.search(r"\[bokeh[^]]*\].*(error|fail|warn)", outcome.stderr, re.IGNORECASE)
    found = json.loads(re.search(r'<h2>(\{"n_charts.*?\})</h2>', outcome.stdout)[1])
    assert found == {"n_charts": 5, "n_points": [400, 361], "n_holes": 1, "n_requests": 0}
