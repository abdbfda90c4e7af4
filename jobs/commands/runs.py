"""``foretable runs``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app


@click.group(invoke_without_command=True, epilog="""\b
Examples:
  foretable runs
  foretable runs --job ingest --limit 5
  foretable runs undo ingest_20260301_091500_1f2e3d4c
  foretable runs cancel train_20260301_100000_0a1b2c3d""")  # fmt: skip
@click.option("--job", help="Only runs of this job.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Newest runs to show.")
@click.pass_context
def runs(ctx: click.Context, job: str | None, limit: int) -> None:
    """What the jobs read, wrote and counted, newest first; undo takes one back, cancel stops one."""
    if ctx.invoked_subcommand is None:
        _show(ctx.find_object(App), job, limit)  # type: ignore[arg-type]


@runs.command(epilog="""\b
Examples:
  foretable runs undo ingest_20260301_091500_1f2e3d4c --dry-run
  foretable runs undo ingest_20260301_091500_1f2e3d4c""")  # fmt: skip
@click.argument("run_id", metavar="RUN")
@click.option("--dry-run", is_flag=True, help="Print the tables and versions, and end.")
@pass_app
def undo(app: App, run_id: str, dry_run: bool) -> None:
    """Restore the tables that RUN wrote to what they held before it.

    What was computed from them follows with the next foretable run. Refused (77) where others have written since.
    """
    from jobs.undo_run import plan_undo, undo_run

    if dry_run:
        plan = plan_undo(app.session(), run_id)
        app.emit([{"table": table, "content_of_version": version} for table, version in plan.items()])
        return
    app.emit(undo_run(app.session(), run_id, app.say))
    app.say("what was computed from these tables follows with the next foretable run")


@runs.command(epilog="""\b
Example:
  foretable runs cancel train_20260301_100000_0a1b2c3d""")  # fmt: skip
@click.argument("run_id", metavar="RUN")
@pass_app
def cancel(app: App, run_id: str) -> None:
    """Ask the process of RUN to stop, and wait until it has; what it has not published, no reader ever sees."""
    from jobs.run_process import cancel as stop

    process = stop(app.config.home, run_id)
    app.say(f"{run_id} (process {process.pid}) has ended")


def _show(app: App, job: str | None, limit: int) -> None:
    from pyspark.sql import functions as F

    table = app.session().table("runs")
    chosen = table.where(F.col("job") == job) if job else table
    took = F.round((F.unix_micros("finished_at") - F.unix_micros("started_at")) / 1e6, 1).alias("seconds")
    counts = [F.col(name) for name in ("n_read", "n_good", "n_quarantined", "n_duplicate", "n_pending")]
    columns = [F.col("run_id"), F.col("job"), F.col("target"), F.col("state"), took, *counts, F.col("message")]
    newest = chosen.orderBy(F.desc_nulls_last("run_number"), F.desc("started_at")).limit(limit).select(*columns)
    app.emit([row.asDict() for row in newest.collect()])
