"""``foretable run``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable run foretable.yml
  foretable run foretable.yml --dry-run
  foretable --home /data/foretable run bitstamp.yml

A foretable.yml may be as short as:
  sources:
    - {path: data/*.log.gz, format: bitstamp_log, exchange: bitstamp, symbol: BTC-USD}""")  # fmt: skip
@click.argument("file", required=False, type=click.Path(dir_okay=False), metavar="[FILE]")
@click.option("--dry-run", is_flag=True, help="Print the steps and what they work on, and end.")
@pass_app
def run(app: App, file: str | None, dry_run: bool) -> None:
    """From files to a table of predictions: ingest, resample, normalize, train, score.

    FILE is the configuration, default foretable.yml. Safe to run again: only what is new is done; with nothing new
    the exit code is 99.
    """
    from jobs.pipeline import run_pipeline
    from models.errors import NothingToDo

    if file:
        app.config_file = file
    config = app.config
    if dry_run:
        app.emit(_plan(config))
        return
    if not run_pipeline(app, lambda step: app.say(f"\n== {step}")):
        raise NothingToDo("everything is up to date")


def _plan(config: object) -> list[dict[str, str]]:
    from jobs.config import Config

    assert isinstance(config, Config)
    models = ", ".join(model.name for model in config.models)
    return [
        {
            "step": "ingest",
            "reads": ", ".join(source.path for source in config.sources),
            "writes": "orders, trades, gaps",
        },
        {
            "step": "resample",
            "reads": "orders, trades",
            "writes": f"bars of {', '.join(map(str, config.bars.seconds))} s",
        },
        {"step": "normalize", "reads": f"bars of {config.model_bar_seconds} s", "writes": "features, feature_scales"},
        {"step": "train", "reads": "features", "writes": models},
        {"step": "score", "reads": f"features, {models}", "writes": "predictions"},
    ]
