"""The demo: a simulated market becomes predictions in SQL, with every statement and its output shown."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.config import Config
from jobs.sources import Source

if TYPE_CHECKING:
    from jobs.app import App

EXCHANGE = "simulated"
STATEMENTS = ("queries/demo_ad_hoc", "queries/demo_saved", "queries/demo_joined")
HEADINGS = {
    "simulate": "1  a simulated exchange writes order-level messages for two symbols",
    "ingest": "2  ingest: files into orders and trades; read = good + quarantined + duplicate + pending",
    "resample": "3  resample: orders and trades into bars",
    "normalize": "   normalize: bars into features and labels; scales fitted on training time only",
    "train": "4  train on the first part of time: ridge regression, random forest, LSTM",
    "score": "   score: every feature row into predictions",
    "evaluate": "   evaluate on the later part of time, beside the naive baselines",
    "sql": "5  predictions are just SQL",
    "report": "6  report: one HTML file, opens offline",
    "next": "7  try next",
}
EVALUATION = (
    "model",
    "version",
    "n",
    "rmse",
    "r2",
    "information_coefficient",
    "mse_difference",
    "difference_lower",
    "difference_upper",
    "dm_p_value",
    "coverage",
)


def run_demo(app: App) -> None:
    """Run the whole path in the home of ``app``; a second run changes no table's content."""
    from jobs.evaluate import evaluate_models
    from jobs.pipeline_run import run_pipeline
    from jobs.report import make_report

    folder = app.config.home / "demo"
    heading(app, "simulate")
    with ThreadPoolExecutor(1) as pool:  # Spark starts while the market is written
        market = pool.submit(write_market, app, folder)
        app.session()
        app.emit(market.result())
    app.config = demo_config(app.config, folder)
    run_pipeline(app, lambda step: heading(app, step))
    heading(app, "evaluate")
    evaluation = evaluate_models(app, app.session())
    app.emit([{name: row[name] for name in EVALUATION} for row in evaluation])
    heading(app, "sql")
    show_statements(app)
    heading(app, "report")
    app.emit({"report": str(make_report(app, evaluation=evaluation))})
    heading(app, "next")
    for command in next_commands(app):
        app.say(f"  {command}")


def heading(app: App, step: str) -> None:
    """Say which step begins."""
    app.say(f"\n{HEADINGS[step]}")


def demo_config(config: Config, folder: Path) -> Config:
    """The default bars, features and models over the simulated files; home and Spark settings stay the user's."""
    defaults = Config()
    shape = ("bars", "features", "labels", "models", "training", "model_bar_seconds", "max_bad", "steps")
    source = Source.model_validate({"path": str(folder), "format": "coinbase_full", "exchange": EXCHANGE})
    return config.model_copy(update={**{name: getattr(defaults, name) for name in shape}, "sources": (source,)})


def write_market(app: App, folder: Path) -> list[dict[str, Any]]:
    """Simulate the default market, messages by symbol; a folder that holds the same files already is left as it is."""
    from jobs.simulator.market import Market
    from jobs.simulator.simulation import simulate

    summary = simulate(Market(), folder, progress=in_tenths(app.say))
    return [{"symbol": symbol, "messages": n} for symbol, n in summary.n_messages.items()]


def in_tenths(say: Callable[[str], None]) -> Callable[[float, str], None]:
    """Progress that speaks at each tenth only."""
    said = -1

    def progress(share: float, text: str) -> None:
        nonlocal said
        if int(share * 10) > said:
            said = int(share * 10)
            say(f"{share:4.0%}  {text}")

    return progress


def show_statements(app: App) -> None:
    """Run the statements of the demo and print each with its rows."""
    from jobs.tables import run_sql, sql_text

    for statement in STATEMENTS:
        for line in sql_text(statement).splitlines():
            if not line.startswith("--"):
                app.say(f"  {line}")
        app.emit([row.asDict() for row in run_sql(app.session(), statement).collect()])
        app.say("")


def next_commands(app: App) -> list[str]:
    """Three commands that work when pasted into the same shell."""
    from jobs.app import command_prefix

    foretable = command_prefix(app)
    newest = "SELECT symbol, bar_start, predict(features) FROM features WHERE is_warm ORDER BY bar_start DESC LIMIT 5"
    return [f'{foretable} sql -e "{newest}"', f"{foretable} models list", f"{foretable} runs"]
