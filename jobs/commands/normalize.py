"""``foretable normalize``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable normalize
  foretable normalize --rebuild
  foretable normalize --dry-run""")  # fmt: skip
@click.option("--rebuild", "is_rebuild", is_flag=True, help="Compute all rows again, not only those of new bars.")
@click.option("--dry-run", is_flag=True, help="Print the features and labels that would be made, and end.")
@pass_app
def normalize(app: App, is_rebuild: bool, dry_run: bool) -> None:
    """Bars into normalized features and forward-looking labels; scales are fitted on training time only.

    With nothing new the exit code is 99.
    """
    from jobs.pipeline import normalize_step

    if dry_run:
        structs: dict[str, Iterable[Any]] = {"features": app.config.features.items, "labels": app.config.labels}
        app.emit(
            [
                {"field": f"{struct}.{item.name}", "definition": str(item.model_dump(exclude={"name"}))}
                for struct, items in structs.items()
                for item in items
            ]
        )
        return
    app.emit(normalize_step(app, is_rebuild))
