"""``foretable runs``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable runs
  foretable runs --job ingest --limit 5""")  # fmt: skip
@click.option("--job", help="Only runs of this job.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Newest runs to show.")
@pass_app
def runs(app: App, job: str | None, limit: int) -> None:
    """What the jobs read, wrote and counted, newest first."""
    from pyspark.sql import functions as F

    table = app.session().table("runs")
    chosen = table.where(F.col("job") == job) if job else table
    took = F.round((F.unix_micros("finished_at") - F.unix_micros("started_at")) / 1e6, 1).alias("seconds")
    counts = [F.col(name) for name in ("n_read", "n_good", "n_quarantined", "n_duplicate", "n_pending")]
    columns = [F.col("run_id"), F.col("job"), F.col("target"), F.col("state"), took, *counts, F.col("message")]
    newest = chosen.orderBy(F.desc("started_at")).limit(limit).select(*columns)
    app.emit([row.asDict() for row in newest.collect()])
