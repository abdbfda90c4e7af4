"""``foretable maintain``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable maintain --dry-run
  foretable maintain
  foretable maintain orders bars --retain-hours 720""")  # fmt: skip
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("--retain-hours", type=int, default=168, show_default=True,
              help="Age from which files that the newest version does not name are deleted; at least 168.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print what would be done, and end.")
@pass_app
def maintain(app: App, tables: tuple[str, ...], retain_hours: int, dry_run: bool) -> None:
    """Compact the tables and delete files that no reader needs any longer.

    OPTIMIZE, VACUUM and a checkpoint of log and statistics where a table needs them, all tables of the schema without
    an argument. No row changes. With nothing to do the exit code is 99.
    """
    from dataclasses import asdict

    from jobs import maintain as upkeep

    upkeep.check_retain_hours(retain_hours)  # before Spark starts
    run = upkeep.plan_maintenance if dry_run else upkeep.maintain
    done = run(app.session(), tables, retain_hours)
    app.emit([asdict(one) for one in done])
    if not dry_run:
        upkeep.refuse_idle(done)
