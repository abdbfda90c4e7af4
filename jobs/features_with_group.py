"""What a model is given of rows: their features, and the group of the row where the model has groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.model_version import ModelVersion
from models.sql_text import identifier

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def features_with_group(rows: DataFrame, features: str, model: ModelVersion) -> Column:
    """The STRUCT ``features`` of the rows, with their group in it where that is a column of its own."""
    from pyspark.sql import functions as F

    struct = F.col(identifier(features))
    wanted = "" if model.group is None else model.group.lower()
    group = next((name for name in rows.columns if name.lower() == wanted), None)
    return struct if group is None else struct.withField(identifier(group), F.col(identifier(group)))
