"""``foretable sql --server``: the shell as a client of a running ``foretable serve``, so that nothing has to start."""

from __future__ import annotations

import getpass
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import click

from jobs.app import App
from jobs.jdbc_session import JdbcSession
from jobs.serve_state import await_server
from jobs.sql_split import split_statements
from jobs.thrift_wire import Connection
from models.errors import ForetableError, TryAgainError, UsageError

_URL = re.compile(r"jdbc:hive2://(?P<host>\[[^]]+\]|[^:/;]+)(?::(?P<port>\d+))?(?:/(?P<schema>\w*))?(?P<more>;.*)?")
DEFAULT_PORT = 10_000
_WORDS_THAT_END = ("quit", "exit")


def run_client(app: App, url: str, script: str | None, hivevar: Sequence[str], header: bool) -> None:
    """Run ``script``, or without one what is typed, on the server at ``url`` ("": that of the home).

    Raises:
        ForetableError: no server, or a statement failed; those before it stay done.
    """
    config = app.config
    variables = dict(pair.partition("=")[::2] for pair in hivevar)
    session = open_session(url, config.home, config.schema_name, variables)
    try:
        if script is None:
            run_interactive(session, header, config.home / "sql_history", sys.stdout)
        else:
            run_script(session, script, header, sys.stdout)
    finally:
        session.close()


def open_session(url: str, home: Path, schema: str, variables: Mapping[str, str]) -> JdbcSession:
    """Connect to ``url``, or without one to the server that runs, or is starting, on ``home``.

    Raises:
        UsageError: not a URL that this client speaks.
        TryAgainError: no server runs there.
    """
    if not url:
        server = await_server(home)
        if server is None:
            raise TryAgainError(f"no server runs on {home}: start one with foretable serve, or leave out --server")
        url = server.jdbc
    parts = _URL.fullmatch(url)
    if parts is None or parts["more"]:
        raise UsageError(f"--server takes jdbc:hive2://HOST:PORT/SCHEMA, got {url}: for other options use beeline -u")
    user = _user()
    host, port = parts["host"].strip("[]"), int(parts["port"] or DEFAULT_PORT)
    try:
        connection = Connection(host, port, user)
    except OSError as e:
        raise TryAgainError(f"no server answers at {host}:{port}: start one with foretable serve") from e
    return JdbcSession(connection, user, parts["schema"] or schema, variables)


def _user() -> str:
    """Name that the server's log shows; a container may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "foretable"


def run_script(session: JdbcSession, script: str, header: bool, out: TextIO) -> None:
    """Run statements until the first that fails; rows go to ``out`` as spark-sql prints them."""
    statements, rest = split_statements(script)
    for statement in [*statements, rest]:
        if statement:
            _print(session, statement, header, out)


def run_interactive(session: JdbcSession, header: bool, history: Path, out: TextIO) -> None:
    """Read statements from standard input; an error is said and the shell goes on. Ctrl-C cancels a query."""
    for statement in _typed_statements(history):
        if statement.strip().lower() in _WORDS_THAT_END:
            return
        try:
            _print(session, statement, header, out)
        except TryAgainError:
            raise  # the server is gone
        except ForetableError as e:
            click.echo(f"foretable: {e}", err=True)
        except KeyboardInterrupt:
            click.echo("cancelled", err=True)
        out.flush()


def _print(session: JdbcSession, statement: str, header: bool, out: TextIO) -> None:
    result = session.execute(statement)
    if header and result.is_table:
        out.write("\t".join(result.columns) + "\n")
    for row in result.rows:
        out.write("\t".join("NULL" if value is None else value for value in row) + "\n")


def _typed_statements(history: Path) -> Iterator[str]:
    """Statements as they are typed, over several lines where needed; the last needs no semicolon."""
    lines = _terminal_lines(history) if sys.stdin.isatty() else (line.rstrip("\n") for line in sys.stdin)
    typed = ""
    for line in lines:
        if line is None:  # Ctrl-C on an unfinished statement drops it
            typed = ""
            continue
        typed = f"{typed}\n{line}" if typed else line
        if typed.strip().lower() in _WORDS_THAT_END:
            return
        statements, typed = split_statements(typed)
        yield from statements
    if typed:
        yield typed


def _terminal_lines(history: Path) -> Iterator[str | None]:
    import readline

    if history.exists():
        readline.read_history_file(history)
    try:
        while True:
            try:
                yield input("foretable> ")
            except KeyboardInterrupt:
                print()
                yield None
            except EOFError:
                print()
                return
    finally:
        readline.set_history_length(1_000)
        readline.write_history_file(history)
