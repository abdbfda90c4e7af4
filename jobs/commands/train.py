"""``foretable train``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable train
  foretable train --only ridge_return_5m
  foretable --config foretable.yml train --dry-run""")  # fmt: skip
@click.option("--only", multiple=True, metavar="MODEL", help="Train this model of the configuration; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Print what would be trained, and end.")
@pass_app
def train(app: App, only: tuple[str, ...], dry_run: bool) -> None:
    """Fit the configured models on training time, measure them on later time, register what is new.

    Settings and data that were trained before register nothing; with nothing new the exit code is 99.
    """
    from jobs.pipeline import select_models, train_step

    config = select_models(app.config, only)
    if dry_run:
        app.emit(
            [
                {
                    "model": m.name,
                    "family": m.family,
                    "label": m.label,
                    "steps": m.sequence_length,
                    "options": m.options,
                }
                for m in config.models
            ]
        )
        return
    app.emit(train_step(app, config))
