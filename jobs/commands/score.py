"""``foretable score``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable score
  foretable score ridge_return_5m
  foretable score ridge_return_5m/2 lstm_return_5m@champion""")  # fmt: skip
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option("--dry-run", is_flag=True, help="Print which versions would be scored, and end.")
@pass_app
def score(app: App, models: tuple[str, ...], dry_run: bool) -> None:
    """Save the prediction of each feature row in the table predictions.

    MODEL is name, name/3 or name@alias; without one the champions of the configured models are scored. With nothing
    new the exit code is 99.
    """
    from jobs.pipeline import score_step

    references = list(models) or [model.name for model in app.config.models]
    versions = [app.registry.resolve(reference) for reference in references]
    if dry_run:
        app.emit([{"model": v.name, "version": v.version, "label": v.label, "digest": v.digest[:12]} for v in versions])
        return
    app.emit(score_step(app, versions))
