"""``foretable windows``."""

from __future__ import annotations

from pathlib import Path

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable windows --to windows/
  foretable windows --label return_5m --steps 60 --shards 16 --to windows/
  foretable windows --to windows/ --dry-run""")  # fmt: skip
@click.option("--to", "target", required=True, metavar="FOLDER", type=click.Path(file_okay=False, path_type=Path),
              help="A new folder, or an empty one.")  # fmt: skip
@click.option("--label", metavar="LABEL", help="A label of the configuration; default: the first.")
@click.option("--steps", "n_steps", type=click.IntRange(2, 1_000), default=20, show_default=True,
              help="Bars in a window.")  # fmt: skip
@click.option("--shards", "n_shards", type=click.IntRange(1, 10_000), default=8, show_default=True,
              help="Files of each part.")  # fmt: skip
@click.option("--gzip/--plain", "is_gzip", default=True, show_default=True, help="Whether files are compressed.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Order of the training windows.")
@click.option("--dry-run", is_flag=True, help="Print what would be written, and end.")
@pass_app
def windows(
    app: App, target: Path, label: str | None, n_steps: int, n_shards: int, is_gzip: bool, seed: int, dry_run: bool
) -> None:
    """Write the windows that sequence models learn from as TFRecord files, for tf.data elsewhere.

    Cut into train, validation and test as foretable train cuts them, with no label over a border. Memory does not grow
    with the table; every file is read back and counted.
    """
    chosen = label or app.config.labels[0].name
    if dry_run:
        features = len(app.config.features.names())
        app.emit({"folder": str(target), "label": chosen, "steps": n_steps, "features": features, "files": n_shards})
        return
    from jobs.export_windows import export_windows

    app.emit(export_windows(app, chosen, n_steps, target, n_shards, is_gzip, seed))
