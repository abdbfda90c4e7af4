"""``foretable evaluate``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app
from jobs.evaluation_groups import GROUPINGS, By


@click.command(epilog="""\b
Examples:
  foretable evaluate
  foretable evaluate --by regime
  foretable --json evaluate --by day""")  # fmt: skip
@click.option("--by", type=click.Choice(GROUPINGS),
              help="A row for each part of held-out time: regime (calm, usual or stormy by the size of the last "
                   "label), symbol, hour, day or month (UTC).")  # fmt: skip
@pass_app
def evaluate(app: App, by: By | None) -> None:
    """Measure the champions of the configured models on held-out time, beside the naive baselines.

    mse_difference is the mean squared error minus that of zero change (below zero is better) with its 95 % block
    bootstrap interval; an interval that holds zero is no evidence of skill. dm_p_value is the probability of such a
    difference by chance (Diebold and Mariano); with many models compared, some fall below 0.05 by chance. coverage is
    the share of outcomes within the model's interval, which is made for 0.9.
    """
    from jobs.evaluate import evaluate_classifiers, evaluate_models
    from models.errors import NothingToDo

    spark = app.session()
    regressors, classifiers = evaluate_models(app, spark, by), [] if by else evaluate_classifiers(app, spark)
    if not regressors and not classifiers:
        raise NothingToDo("the configuration names no model")
    for rows in (regressors, classifiers):
        if rows:
            app.emit(rows)
