"""``foretable run``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable run foretable.yml
  foretable run foretable.yml --dry-run
  foretable run foretable.yml --from normalize
  foretable run foretable.yml --only train,score
  foretable --home /data/foretable run bitstamp.yml

\b
A foretable.yml may be as short as:
  sources:
    - {path: data/*.log.gz, format: bitstamp_log, exchange: bitstamp, symbol: BTC-USD}

\b
and may say what is done, with plain SQL among it:
  steps:
    ingest: {retries: 3, timeout_seconds: 1800}
    resample:
    normalize:
    train: {timeout_seconds: 3600}
    score:
    daily: {job: sql, file: daily.sql, needs: [score]}""")  # fmt: skip
@click.argument("file", required=False, type=click.Path(dir_okay=False), metavar="[FILE]")
@click.option("--from", "first", metavar="STEP", help="Do this step and all that need it, directly or not.")
@click.option("--only", multiple=True, metavar="STEP[,STEP]", help="Do these steps alone; may be repeated.")
@click.option("--rescore", "is_rescore", is_flag=True, help="Score all rows, not only new and changed ones.")
@click.option("--check-all", is_flag=True, help="Look into every step, even where all is as the last run left it.")
@click.option("--dry-run", is_flag=True, help="Print what each step would read and write, its SQL, and end.")
@pass_app
def run(app: App, file: str | None, first: str | None, only: tuple[str, ...], is_rescore: bool, check_all: bool,
        dry_run: bool) -> None:  # fmt: skip
    """From files to a table of predictions: ingest, resample, normalize, train, score.

    FILE is the configuration, default foretable.yml; its key steps may name other steps. Safe to run again: only what
    is new is done; with nothing new the exit code is 99, at once where no file, table, model or setting has changed
    since the last run. After a step that failed those that need it are skipped, the others go on, and the exit code is
    that of the first failure.
    """
    from jobs.pipeline_graph import chosen_steps, in_order
    from models.errors import NothingToDo

    if file:
        app.config_file = file
    names = [name.strip() for text in only for name in text.split(",") if name.strip()]
    steps = chosen_steps(app.config.steps, first, names)
    if dry_run:
        from jobs.pipeline_plan import plan_pipeline, print_plan

        print_plan(app, plan_pipeline(app, steps))
        app.say("dry run: nothing was written")
        return
    from jobs.up_to_date import Watch

    if steps == in_order(app.config.steps):
        app.watch = Watch(app)
        if not (check_all or is_rescore) and (unchanged := app.watch.unchanged()):
            raise NothingToDo(unchanged)
    from jobs.pipeline_run import run_pipeline

    has_worked = run_pipeline(app, lambda step: app.say(f"\n== {step}"), steps, is_rescore)
    if app.watch is not None:
        app.watch.remember()
    if not has_worked:
        raise NothingToDo("everything is up to date")
