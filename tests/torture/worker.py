"""Processes that run ``foretable`` commands one after another on a session that is open already.

The program imports everything once; each line on its input makes it fork a worker, in a process group of its own, with
its own Spark. A kill of that group then costs the start of a JVM, not of Python. Requests and answers are lines of
JSON on a socket.
"""

import contextlib
import io
import json
import os
import signal
import socket
import sys
import time
import traceback
from pathlib import Path


def main():
    _import_everything()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # killed workers leave no zombies
    for line in sys.stdin:
        facts = json.loads(line)
        if os.fork() == 0:
            try:
                _work(facts)
            except ConnectionError:
                pass  # the tests have ended while it started
            except BaseException:
                traceback.print_exc()  # pytest shows it beside "worker … has died"
            finally:
                os._exit(1)


def _import_everything():
    """What a command would import step by step."""
    import delta.tables  # noqa: F401
    import mlflow  # noqa: F401
    import pandas  # noqa: F401
    import sklearn.linear_model  # noqa: F401

    import jobs.cli
    import jobs.ingest
    import jobs.normalize
    import jobs.open_session
    import jobs.resample
    import jobs.train  # noqa: F401


def _work(facts):
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    talk = socket.socket(socket.AF_UNIX)
    talk.connect(facts["socket"])
    lines = talk.makefile("rw")
    answer = {"pid": os.getpid()}
    spark = _open(facts)
    while True:
        print(json.dumps(answer), file=lines, flush=True)
        request = lines.readline()
        if not request:  # the tests have ended
            os.killpg(0, signal.SIGKILL)
        answer = _answer(spark, json.loads(request))


def _open(facts):
    from jobs.app import App
    from jobs.open_session import open_session
    from jobs.session import SessionSettings, use_schema
    from jobs.tables import create_tables

    spark = open_session(SessionSettings(Path(facts["home"]), master="local[2]", spark=facts["spark"]))

    def session(app):
        use_schema(spark, app.config.schema_name)
        create_tables(spark)
        return spark

    App._session = property(session)
    return spark


def _answer(spark, request):
    started = time.monotonic()
    os.environ["FORETABLE_PAUSE_AT"] = request.get("pause", "")
    if "schema" in request:
        return _make(spark, request["schema"], Path(request["home"]))
    if "sql" in request:
        rows = [list(row) for row in spark.sql(request["sql"]).collect()]
        return {"rows": json.loads(json.dumps(rows, default=str))}
    if "insert" in request:
        return _insert(spark, **request["insert"])
    from jobs.cli import run

    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        code = run(request["arguments"])
    return {"code": code, "said": said.getvalue(), "seconds": time.monotonic() - started}


def _make(spark, schema, home):
    """An empty schema with its tables, and a registry without models."""
    from jobs.session import use_schema
    from jobs.tables import create_tables
    from models.registry import Registry

    use_schema(spark, schema)
    create_tables(spark)
    return {"experiment": Registry.in_home(home)._experiment_id}


def _insert(spark, table, writer, n):
    """Tagged commits, each acknowledged on its own."""
    from jobs.commits import tagged, with_retries

    acknowledged = []
    for i in range(n):
        with tagged(spark, f"{writer}-{i}"):
            with_retries(lambda i=i: spark.sql(f"INSERT INTO {table} VALUES ('{writer}', {i})"))
        acknowledged.append(f"{writer}-{i}")
    return {"acknowledged": acknowledged}


if __name__ == "__main__":
    main()
