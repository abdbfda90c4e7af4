"""What a call of a prediction function is, once its model is settled: everything a worker needs, and no live model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Function = Literal["predict", "predict_probability", "predict_detail", "explain_prediction"]
ARROW_TYPES = {"DOUBLE": pa.float64(), "BIGINT": pa.int64(), "STRING": pa.string(), "BOOLEAN": pa.bool_()}


@dataclass(frozen=True)
class Call:
    """One call in one query.

    Attributes:
        function: Which function was called.
        name: Registered name of the model.
        version: Its version.
        digest: SHA-256 of the artifact, checked before it is parsed.
        folder: Where the artifact lies.
        label: What is predicted.
        label_type: SQL type of a prediction.
        is_classifier: Whether a prediction is a class.
        sequence_length: Rows in an input.
        n_columns: Columns in an input: its features, and those of its group.
        null_policy: What becomes of a row with a missing feature: null, impute or fail.
        on_error: null: a bad row is NULL with a status; fail: it ends the query.
        class_position: Of predict_probability: the class asked for, None for the predicted one.
    """

    function: Function
    name: str
    version: int
    digest: str
    folder: str
    label: str
    label_type: str
    is_classifier: bool
    sequence_length: int
    n_columns: int
    null_policy: Literal["null", "impute", "fail"]
    on_error: Literal["null", "fail"]
    class_position: int | None = None

    @property
    def model(self) -> str:
        """How messages name the version."""
        return f"{self.name}/{self.version}"

    @property
    def title(self) -> str:
        """How plans name the call."""
        return f"foretable.{self.function}({self.model})"

    @property
    def arrow_type(self) -> pa.DataType:
        """Type of an answer in Arrow."""
        if self.function == "predict":
            return ARROW_TYPES[self.label_type]
        if self.function == "predict_probability":
            return pa.float64()
        if self.function == "explain_prediction":
            return pa.list_(pa.struct([("feature", pa.string()), ("attribution", pa.float64())]))
        class_type = ARROW_TYPES[self.label_type] if self.is_classifier else pa.string()
        return pa.struct(
            [
                ("prediction", ARROW_TYPES[self.label_type]),
                ("label", pa.string()),
                ("probabilities", pa.map_(class_type, pa.float64())),
                *((name, pa.float64()) for name in ("lower", "upper", "unlikeness")),
                ("status", pa.string()),
                ("error", pa.string()),
                ("model", pa.string()),
                ("version", pa.int32()),
                ("digest", pa.string()),
            ]
        )

    @property
    def sql_type(self) -> str:
        """Type of an answer in SQL."""
        if self.function == "predict":
            return self.label_type
        if self.function == "predict_probability":
            return "DOUBLE"
        if self.function == "explain_prediction":
            return "ARRAY<STRUCT<feature: STRING, attribution: DOUBLE>>"
        class_type = self.label_type if self.is_classifier else "STRING"
        return (
            f"STRUCT<prediction: {self.label_type}, label: STRING, probabilities: MAP<{class_type}, DOUBLE>, "
            "lower: DOUBLE, upper: DOUBLE, unlikeness: DOUBLE, status: STRING, error: STRING, "
            "model: STRING, version: INT, digest: STRING>"
        )
