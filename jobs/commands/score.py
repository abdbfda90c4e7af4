"""``foretable score``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable score
  foretable score ridge_return_5m
  foretable score ridge_return_5m/2 lstm_return_5m@champion
  foretable score --rescore""")  # fmt: skip
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--rescore", "--rebuild", "is_rescore", is_flag=True, help="Score all rows, not only new and changed ones."
)
@click.option("--dry-run", is_flag=True, help="Print which versions would be scored, and end.")
@pass_app
def score(app: App, models: tuple[str, ...], is_rescore: bool, dry_run: bool) -> None:
    """Save the prediction of each feature row that is new or has changed in the table predictions.

    MODEL is name, name/3 or name@alias; a name of several labels stands for all of its models. Without one the
    champions of the configured models are scored. A new champion takes over where the one before it left off: older
    rows keep what that one said, --rescore asks anew. With nothing new the exit code is 99.
    """
    from jobs.score_step import score_step
    from models.model_version import parse_reference

    given = models or tuple(model.name for model in app.config.models)
    references = [one for text in given for one in app.registry.targets(text).values() or (text,)]
    versions = [app.registry.resolve(reference) for reference in references]
    if dry_run:
        app.emit([{"model": v.name, "version": v.version, "label": v.label, "digest": v.digest[:12]} for v in versions])
        return
    by_number = [f"{v.name}/{v.version}" for text, v in zip(references, versions, strict=True)
                 if parse_reference(text).version is not None]  # fmt: skip
    app.emit(score_step(app, versions, is_rescore, by_number))
