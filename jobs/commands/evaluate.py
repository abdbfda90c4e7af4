"""``foretable evaluate``."""

from __future__ import annotations

import click

from jobs.app import App, pass_app


@click.command(epilog="""\b
Examples:
  foretable evaluate
  foretable --json evaluate""")  # fmt: skip
@pass_app
def evaluate(app: App) -> None:
    """Measure the champions of the configured models on held-out time, beside the naive baselines.

    mse_difference is the mean squared error minus that of zero change (below zero is better) with its 95 % block
    bootstrap interval; an interval that holds zero is no evidence of skill. dm_p_value is the probability of such a
    difference by chance (Diebold and Mariano); with many models compared, some fall below 0.05 by chance.
    """
    from jobs.evaluate import evaluate_classifiers, evaluate_models
    from models.errors import NothingToDo

    spark = app.session()
    regressors, classifiers = evaluate_models(app, spark), evaluate_classifiers(app, spark)
    if not regressors and not classifiers:
        raise NothingToDo("the configuration names no model")
    for rows in (regressors, classifiers):
        if rows:
            app.emit(rows)
