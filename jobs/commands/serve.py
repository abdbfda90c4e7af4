"""``foretable serve``."""

import click

from jobs.app import App, pass_app

PORT = click.IntRange(0, 65_535)


@click.command(epilog="""\b
Examples:
  foretable serve
  foretable serve --port 0 --connect-port 0          takes free ports and prints them
  foretable sql --server -e "SELECT predict(features) FROM features LIMIT 5"
  beeline -u jdbc:hive2://127.0.0.1:10000/foretable""")  # fmt: skip
@click.option("--port", type=PORT, default=10_000, show_default=True, help="For JDBC; 0 takes a free one.")
@click.option("--connect-port", type=PORT, default=15_002, show_default=True, help="For Spark Connect; likewise.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; loopback only.")
@click.option(
    "--behind-authenticating-proxy",
    "is_behind_proxy",
    is_flag=True,
    help="Allow another --host: something before it asks for passwords.",
)
@click.option(
    "--grace-seconds",
    type=click.FloatRange(0, 3_600),
    default=10.0,
    show_default=True,
    help="How long running statements may go on once the server is told to stop.",
)
@click.option("--keep-alive/--no-keep-alive", default=True, help="Keep Python workers warm; on by default.")
@pass_app
def serve(app: App, port: int, connect_port: int, host: str, is_behind_proxy: bool, grace_seconds: float,
          keep_alive: bool) -> None:  # fmt: skip
    """Serve JDBC and Spark Connect clients with the tables and predict(), until Ctrl-C."""
    from jobs.serve import ServeSettings
    from jobs.serve import serve as run

    run(app, ServeSettings(host, port, connect_port, grace_seconds, keep_alive, is_behind_proxy))
