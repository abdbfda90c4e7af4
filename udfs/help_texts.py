"""What DESCRIBE FUNCTION says of each prediction function."""

from __future__ import annotations

from dataclasses import dataclass

from udfs.call import Function

_MODEL = """A model is 'name' (its champion, else its newest version), 'name/3' or 'name@alias'; left out, the default
      model answers (SET foretable.default_model = name). Of a model of several labels the answer is a STRUCT with a
      field for each. Features are bound by field name: order is free, extra fields are ignored."""
_ARGUMENTS = """
    Arguments:
      * model - constant text
      * features - a STRUCT of numbers; for a sequence model an ARRAY of STRUCTs, oldest first;
        for a model of groups the STRUCT also holds the group's column
  """


@dataclass(frozen=True)
class HelpText:
    """One function: what it gives, its arguments, and calls to copy."""

    usage: str
    arguments: str
    examples: tuple[str, ...]

    @property
    def examples_text(self) -> str:
        """The examples as Spark prints them."""
        return "\n    Examples:\n" + "".join(f"      > {example}\n" for example in self.examples) + "  "


HELP_TEXTS: dict[Function, HelpText] = {
    "predict": HelpText(
        f"""_FUNC_([model, ] features) - Prediction of a registered model for one row, in the type of the label.
      {_MODEL} NULL where a feature is NULL or not finite; predict_detail says why, and with
      SET foretable.on_error = fail such a row ends the query.""",
        _ARGUMENTS,
        (
            "SELECT bar_start, _FUNC_(features) FROM features;",
            "SELECT _FUNC_('ridge_return_5m@champion', struct(*)) FROM inputs;",
            "SELECT _FUNC_(model => 'ridge_return_5m/2', features => features) FROM features;",
        ),
    ),
    "predict_probability": HelpText(
        f"""_FUNC_([model, ] features [, class]) - Probability that a classifier gives to a class; without a
      class, to the class that predict answers. {_MODEL}""",
        _ARGUMENTS.rstrip() + "\n      * class - a constant of the label's own type, for example 'up'\n  ",
        (
            "SELECT bar_start, _FUNC_('updown', features, 'up') FROM features;",
            "SELECT bar_start, _FUNC_(features, class => 'up') FROM features;",
        ),
    ),
    "predict_detail": HelpText(
        f"""_FUNC_([model, ] features) - Everything about one prediction: a STRUCT of prediction, label (the name
      of what is predicted), probabilities (MAP of class to probability), lower and upper (split-conformal interval of a
      regressor), unlikeness (distance from the training rows; above 1: farther out than 99 % of them), status (OK,
      NULL_FEATURE, OUT_OF_RANGE, SHAPE, NAN_OUTPUT or MODEL_ERROR), error, model, version, digest.
      {_MODEL}""",
        _ARGUMENTS,
        (
            "SELECT bar_start, d.prediction, d.lower, d.upper, d.status FROM (SELECT bar_start, _FUNC_(features) AS d "
            "FROM features);",
        ),
    ),
    "explain_prediction": HelpText(
        f"""_FUNC_([model, ] features) - What each feature adds to the prediction: an ARRAY of STRUCT<feature,
      attribution>, largest first; together they are the prediction minus the model's baseline. In the unit of the
      prediction; of a classifier, probability (trees) or log odds (logistic, boosting) of the predicted class.
      {_MODEL}""",
        _ARGUMENTS,
        ("SELECT bar_start, _FUNC_('forest_return_5m', features)[0] AS strongest FROM features;",),
    ),
}
