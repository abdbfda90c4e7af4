"""``foretable sql``."""

from pathlib import Path

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable sql -e "SELECT bar_start, predict(features) FROM features ORDER BY bar_start DESC LIMIT 5"
  foretable sql -e "CREATE TABLE mine AS SELECT symbol, bar_start, predict('ridge_return_5m', features) p FROM features"
  foretable sql -f nightly.sql --hivevar day=2026-11-21
  foretable sql --server -e "SHOW TABLES"              answers at once: a client of foretable serve
  foretable sql""")  # fmt: skip
@click.option("-e", "statement", metavar="SQL", help="Run these statements and end.")
@click.option(
    "-f",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Run the statements of a file and end.",
)
@click.option(
    "--hivevar", multiple=True, metavar="KEY=VALUE", help="A value for ${KEY} in the statements; may be repeated."
)
@click.option(
    "--server",
    metavar="[URL]",
    is_flag=False,
    flag_value="",
    help="Ask a running foretable serve, by default that of this home, instead of starting Spark.",
)
@click.option("--header/--no-header", default=True, help="Column names above the rows; on by default.")
@pass_app
def sql(app: App, statement: str | None, file: str | None, hivevar: tuple[str, ...], server: str | None,
        header: bool) -> None:  # fmt: skip
    """The spark-sql shell with the tables and predict(); interactive without -e or -f."""
    if statement and file:
        raise click.UsageError("give -e or -f, not both")
    if server is not None:
        from jobs.sql_client import run_client

        script = Path(file).read_text(encoding="utf-8") if file else statement
        run_client(app, server, script, hivevar, header)
        return
    from jobs.session import SessionSettings
    from jobs.sql_shell import exec_shell, run_statements

    app.say("starting Spark …")
    config = app.config
    arguments = ["--hiveconf", f"hive.cli.print.header={str(header).lower()}"]
    for pair in hivevar:
        arguments += ["--hivevar", pair]
    settings = SessionSettings.of(config)
    if statement:
        run_statements(settings, [*arguments, "-e", statement], app.say)
    elif file:
        run_statements(settings, [*arguments, "-f", file], app.say)
    else:
        exec_shell(settings, arguments)
