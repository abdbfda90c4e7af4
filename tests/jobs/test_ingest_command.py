"""What the ingest command refuses before Spark starts."""

import pytest

from jobs.cli import run

KNOWN = ["--format", "coinbase_full", "--exchange", "coinbase"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["data"], "PATH needs --format"),
        (["data", "--format", "coinbase_full"], "PATH needs --exchange"),
        (["data", *KNOWN, "--symbol", "BTC-USD"], "names the product itself: remove symbol"),
        (["data", "--format", "bitstamp_log", "--exchange", "bitstamp"], "bitstamp_log needs a symbol"),
        (["data", "--format", "coinbase_full", "--exchange", "Coin Base"], "exchange: String should match pattern"),
        (["--exchange", "coinbase"], "describe PATH: name one"),
        ([], "no sources: name a PATH"),
        (["data", *KNOWN, "--max-bad", "2"], "--max-bad"),
    ],
)
def test_a_wrong_call_is_refused_in_one_sentence(capsys, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert run(["ingest", *arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "Traceback" not in error


def test_the_help_shows_examples_and_exit_codes(capsys):
    assert run(["ingest", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "foretable ingest 'logs/*.log.gz' --format bitstamp_log" in shown
    assert "Exit code 3" in shown
