"""CREATE MODEL with several labels: one statement for each of them, for a model of its own."""

from __future__ import annotations

import dataclasses

from jobs.statements.grammar import CreateModel
from models.errors import UsageError
from models.model_version import target_name


def one_a_label(statement: CreateModel) -> list[CreateModel]:
    """Return the statements that a statement stands for: itself, or one for each of the labels in its OPTIONS.

    Each makes the model ``name.label``, and takes no other label for a feature.

    Raises:
        UsageError: a label is no text, or stands there twice; or another option has several values.
    """
    for name, value in statement.options.items():
        if isinstance(value, tuple) and name != "label":
            raise UsageError(f"option {name} takes one value, got {len(value)}: only label takes several, in brackets")
    labels = statement.options.get("label")
    if not isinstance(labels, tuple):
        return [statement]
    if not all(isinstance(label, str) for label in labels):
        raise UsageError("say what to predict: OPTIONS (label = ('column', 'other_column'))")
    folded = [label.lower() for label in labels]
    if twice := [label for label in labels if folded.count(label.lower()) > 1]:
        raise UsageError(f"label {twice[0]} is given twice: keep one")
    return [
        dataclasses.replace(
            statement,
            name=target_name(statement.name, label),
            options={**statement.options, "label": label},
            other_labels=tuple(other for other in labels if other != label),
        )
        for label in labels
    ]
