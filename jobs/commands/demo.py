"""``foretable demo``."""

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable demo
  foretable --home /tmp/try demo""")  # fmt: skip
@pass_app
def demo(app: App) -> None:
    """The whole path on a simulated market: messages, bars, features, models, predictions in SQL, a report.

    Takes a few minutes and about 1 GB below the home. A second run finds everything done and changes no table.
    """
    from jobs.demo import run_demo

    run_demo(app)
