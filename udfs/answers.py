"""From a batch of inputs to the answers of one function: which rows the model is asked, and what the others get."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from models.errors import DataContractError, ForetableError
from models.scorer import Scorer
from udfs.call import ARROW_TYPES, Call
from udfs.inputs import MODEL_ERROR, NAN_OUTPUT, NULL_FEATURE, OK, Inputs

Outputs = dict[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Verdicts:
    """Status and error of each row of a batch; the error of a row without one is None."""

    statuses: list[str]
    errors: list[str | None]


def answer(call: Call, scorer: Scorer, inputs: Inputs, is_wanted: NDArray[np.bool_] | None) -> pa.Array:
    """The answers in the order of the rows: NULL where there is none; ``predict_detail`` then says why.

    Rows that are not wanted are NULL and are not asked for.

    Raises:
        DataContractError: a wanted row has no answer, and the model or the session asks for an error then.
    """
    if call.null_policy == "impute":
        inputs = Inputs(scorer.impute(inputs.values), inputs.is_whole)
    can_score = inputs.can_score(scorer.largest_input) & inputs.is_whole
    asked = np.flatnonzero(can_score if is_wanted is None else can_score & is_wanted)
    values = inputs.values if len(asked) == len(can_score) else inputs.values[asked]
    outputs, has_answer = ask(call, scorer, values)
    is_detail = call.function == "predict_detail"
    if is_detail or "fail" in (call.on_error, call.null_policy):
        verdicts = _verdicts(call, scorer, inputs, asked, has_answer, outputs)
        _refuse_bad_rows(call, verdicts, is_wanted)
        if is_detail:
            return _details(call, scorer, values[has_answer], outputs, asked[has_answer], verdicts)
    return _spread(_column(call, scorer, outputs), asked[has_answer], len(can_score))


def ask(call: Call, scorer: Scorer, values: NDArray[np.float64]) -> tuple[Outputs, NDArray[np.bool_]]:
    """What the model says of the rows, and which rows have an answer; a row on which it fails costs only that row."""
    try:
        outputs = _outputs(call, scorer, values)
    except (MemoryError, ForetableError):
        raise  # of the model, not of a row
    except Exception:
        if len(values) == 1:
            return _outputs(call, scorer, values[:0]), np.zeros(1, dtype=bool)
        half = len(values) // 2
        (first, first_has), (second, second_has) = ask(call, scorer, values[:half]), ask(call, scorer, values[half:])
        both = {name: np.concatenate([first[name], second[name]]) for name in first}
        return both, np.concatenate([first_has, second_has])
    return outputs, np.ones(len(values), dtype=bool)


def _outputs(call: Call, scorer: Scorer, values: NDArray[np.float64]) -> Outputs:
    """Arrays of one row for each row of ``values``; which ones depends on the function."""
    if call.function == "explain_prediction":
        return {"attributions": scorer.explain(values).attributions}
    if call.function == "predict_probability":
        return {"probabilities": scorer.predict_probability(values)}
    outputs: Outputs = {"predictions": scorer.predict(values)}
    if call.function == "predict_detail" and call.is_classifier:
        outputs["probabilities"] = scorer.predict_probability(values)
    return outputs


def _column(call: Call, scorer: Scorer, outputs: Outputs) -> pa.Array:
    """The outputs as the answers of the rows that have one; NaN becomes NULL."""
    if call.function == "explain_prediction":
        return _explanations(scorer.manifest.feature_names, outputs["attributions"])
    if call.function == "predict_probability":
        probabilities = outputs["probabilities"]
        chosen = probabilities.max(axis=1, initial=0.0) if call.class_position is None else None
        return pa.array(probabilities[:, call.class_position] if chosen is None else chosen, from_pandas=True)
    return _typed(outputs["predictions"], call.label_type)


def _typed(predictions: NDArray[np.generic], label_type: str) -> pa.Array:
    return pa.array(predictions, ARROW_TYPES[label_type], from_pandas=predictions.dtype.kind == "f")


def _spread(answers: pa.Array, rows: NDArray[np.int64], n_rows: int) -> pa.Array:
    """``answers`` at their rows, NULL at the others."""
    if len(answers) == n_rows:
        return answers
    places = np.zeros(n_rows, dtype=np.int64)
    places[rows] = np.arange(len(rows))
    is_empty = np.ones(n_rows, dtype=bool)
    is_empty[rows] = False
    return answers.take(pa.array(places, mask=is_empty))


def _explanations(names: Sequence[str], attributions: NDArray[np.generic]) -> pa.Array:
    """One list of (feature, attribution) a row, largest absolute attribution first."""
    n_rows, n_features = attributions.shape
    order = np.argsort(-np.abs(attributions), axis=1, kind="stable")
    features = pa.array(names, pa.string()).take(pa.array(order.ravel()))
    values = pa.array(np.take_along_axis(attributions, order, axis=1).ravel())
    pairs = pa.StructArray.from_arrays([features, values], names=["feature", "attribution"])
    offsets = pa.array(np.arange(n_rows + 1, dtype=np.int32) * n_features)
    return pa.ListArray.from_arrays(offsets, pairs)


def _verdicts(
    call: Call,
    scorer: Scorer,
    inputs: Inputs,
    asked: NDArray[np.int64],
    has_answer: NDArray[np.bool_],
    outputs: Outputs,
) -> Verdicts:
    n_rows = len(inputs.values)
    verdicts = Verdicts([OK] * n_rows, [None] * n_rows)
    refused = np.setdiff1d(np.arange(n_rows), asked)
    statuses, sentences = inputs.complaints(refused, scorer.manifest.feature_names, scorer.largest_input)
    for row, status, sentence in zip(refused, statuses, sentences, strict=True):
        verdicts.statuses[row], verdicts.errors[row] = status, sentence
    for row in asked[~has_answer]:
        verdicts.statuses[row], verdicts.errors[row] = MODEL_ERROR, "the model failed on this row"
    for name in ("predictions", "probabilities"):
        values = outputs.get(name)
        if values is not None and values.dtype.kind == "f":
            is_number = np.isfinite(values).all(axis=tuple(range(1, values.ndim)))
            for row in asked[has_answer][~is_number]:
                verdicts.statuses[row], verdicts.errors[row] = NAN_OUTPUT, "the model's answer is not a finite number"
    return verdicts


def _refuse_bad_rows(call: Call, verdicts: Verdicts, is_wanted: NDArray[np.bool_] | None) -> None:
    def is_fatal(row: int) -> bool:
        status = verdicts.statuses[row]
        is_policy = call.null_policy == "fail" and status == NULL_FEATURE
        return status != OK and (call.on_error == "fail" or is_policy) and (is_wanted is None or bool(is_wanted[row]))

    bad = [row for row in range(len(verdicts.statuses)) if is_fatal(row)]
    if bad:
        remedy = (
            "SET foretable.on_error = null gives NULL for such rows"
            if call.on_error == "fail"
            else "filter such rows, or train the model with null_policy = 'null' or 'impute'"
        )
        raise DataContractError(
            f"{call.function} with {call.model} met {len(bad)} bad rows in a batch of {len(verdicts.statuses)}, the "
            f"first with status {verdicts.statuses[bad[0]]} ({verdicts.errors[bad[0]]}): {remedy}"
        )


def _details(
    call: Call,
    scorer: Scorer,
    values: NDArray[np.float64],
    outputs: Outputs,
    rows: NDArray[np.int64],
    verdicts: Verdicts,
) -> pa.Array:
    """One struct a row, never NULL: where there is no answer, status and error say why."""
    n_rows = len(verdicts.statuses)
    predictions = outputs["predictions"]
    nothing = np.full(len(rows), np.nan)
    lower, upper = (nothing, nothing) if call.is_classifier else scorer.interval(predictions, values)
    columns = {
        "prediction": _typed(predictions, call.label_type),
        "probabilities": _probabilities(call, scorer, outputs, len(rows)),
        "lower": pa.array(lower, from_pandas=True),
        "upper": pa.array(upper, from_pandas=True),
        "unlikeness": pa.array(scorer.unlikeness(values), from_pandas=True),
    }
    constants = {
        "label": (call.label, pa.string()),
        "model": (call.name, pa.string()),
        "version": (call.version, pa.int32()),
        "digest": (call.digest, pa.string()),
    }
    fields = {
        **{name: _spread(column, rows, n_rows) for name, column in columns.items()},
        **{name: pa.repeat(pa.scalar(value, type_), n_rows) for name, (value, type_) in constants.items()},
        "status": pa.array(verdicts.statuses, pa.string()),
        "error": pa.array(verdicts.errors, pa.string()),
    }
    names = [call.arrow_type.field(i).name for i in range(call.arrow_type.num_fields)]
    return pa.StructArray.from_arrays([fields[name] for name in names], fields=list(call.arrow_type))


def _probabilities(call: Call, scorer: Scorer, outputs: Outputs, n_rows: int) -> pa.Array:
    """One map from class to probability a row; NULL for a regressor."""
    type_ = call.arrow_type.field("probabilities").type
    classes = scorer.classes
    if classes is None:
        return pa.nulls(n_rows, type_)
    keys = pa.array(np.tile(classes, n_rows), type_.key_type)
    values = pa.array(outputs["probabilities"].ravel(), from_pandas=True)
    offsets = pa.array(np.arange(n_rows + 1, dtype=np.int32) * len(classes))
    return pa.MapArray.from_arrays(offsets, keys, values).cast(type_)
