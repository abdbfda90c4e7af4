"""``foretable batch-predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.app import App, pass_app

if TYPE_CHECKING:
    from jobs.batch_request import BatchRequest

FORMATS = click.Choice(["jsonl", "csv", "parquet", "tfrecord"])


@click.command("batch-predict", epilog="""\b
Examples:
  foretable batch-predict ridge_return_5m --table features --to-table scored --keep symbol,bar_start
  foretable batch-predict churn/3 --files 'in/*.jsonl.gz' --to-files out --to-format parquet
  foretable batch-predict churn --files day.csv --types 'id BIGINT' --to-table scored --name churn_20260111
  foretable batch-predict churn --query "SELECT * FROM customers WHERE region = 'north'" --to-files out --dry-run
  foretable batch-predict --cancel churn_20260111""")  # fmt: skip
@click.argument("model", required=False)
@click.option("--table", metavar="NAME", help="Score the rows of a table or view.")
@click.option("--query", metavar="SQL", help="Score the rows of a query.")
@click.option(
    "--query-file", metavar="FILE", type=click.Path(exists=True, dir_okay=False), help="The same, from a file."
)
@click.option("--files", metavar="GLOB", help="Score the lines of files: a file, a folder or a pattern; gzip is seen.")
@click.option("--format", "input_format", type=FORMATS, help="Of the input files; default: by their endings.")
@click.option(
    "--types", metavar="SQL", help="Types of columns of text files that are no features: 'id BIGINT, day DATE'."
)
@click.option("--to-table", metavar="NAME", help="Write a Delta table, in one commit.")
@click.option("--to-files", metavar="FOLDER", help="Write a folder of files, which appears when all of it is there.")
@click.option("--to-format", type=FORMATS, default="jsonl", show_default=True, help="Of the output files.")
@click.option("--gzip", "is_gzip", is_flag=True, help="Compress the output files.")
@click.option(
    "--mode",
    type=click.Choice(["error", "append", "overwrite"]),
    default="error",
    show_default=True,
    help="What to do with an output that is there.",
)
@click.option("--keep", metavar="COLUMNS", help="Input columns of the output, with commas; default: all; '' for none.")
@click.option("--parallelism", metavar="N", type=click.IntRange(1, 10_000), help="Tasks that read and score.")
@click.option(
    "--name",
    metavar="NAME",
    help="Name of the run, for a scheduler: the same name is never done twice; "
    "default: model_batch_predict_YYYYMMDD_HHMMSS.",
)
@click.option("--dry-run", is_flag=True, help="Print input, model version, output and plan, and end.")
@click.option("--cancel", metavar="NAME", help="Stop the run of this name on this machine.")
@pass_app  # fmt: skip
def batch_predict(app: App, model: str | None, query_file: str | None, keep: str | None, dry_run: bool,
                  cancel: str | None, **options: Any) -> None:  # fmt: skip
    """Score a table, a query or files with a model, into a table or files.

    Each input row becomes one output row: its columns, prediction, lower and upper (or probabilities), status, error,
    model, version, digest. A line that cannot be read has no prediction, a status such as NOT_JSON and an error with
    its place. The output appears whole or not at all; the log is home/logs/NAME.log.
    """
    if cancel is not None:
        _cancel(app, cancel)
        return
    if model is None:
        raise click.UsageError("name a model: name, name/3 or name@alias")
    request = _request(model, query_file, keep, options)
    if dry_run:
        _show(app, request)
        return
    from jobs.batch_predict import predict_batch

    app.emit(predict_batch(app, request))


def _request(model: str, query_file: str | None, keep: str | None, options: dict[str, Any]) -> BatchRequest:
    from jobs.batch_request import BatchRequest

    if query_file is not None:
        if options["query"] is not None:
            raise click.UsageError("give --query or --query-file, not both")
        options["query"] = Path(query_file).read_text(encoding="utf-8").strip().removesuffix(";")
    kept = None if keep is None else tuple(name.strip() for name in keep.split(",") if name.strip())
    request = BatchRequest(model=model, keep=kept, **options)
    request.check()
    return request


def _show(app: App, request: BatchRequest) -> None:
    from jobs.batch_predict import describe, prepare

    name = request.name or "model_batch_predict_YYYYMMDD_HHMMSS"
    batch = prepare(app, request, app.registry.resolve(request.model), name)
    app.emit([{"what": what, "value": value} for what, value in describe(batch).items()])
    app.say(batch.answers._jdf.queryExecution().optimizedPlan().toString())


def _cancel(app: App, name: str) -> None:
    from jobs.run_process import cancel

    process = cancel(app.config.home, name)
    app.emit({"run": process.run_id, "process": process.pid, "state": "stopped"})
