"""Examples of the configured models, the rows of each label read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from jobs.config import Config, ModelSettings
from jobs.last_good import good_version
from jobs.training_set import TrainingSet, make_training_set, read_rows, select_rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class ExampleReader:
    """Reads ``features`` at its version of now, of the exchanges that the configuration names."""

    def __init__(self, spark: SparkSession, config: Config) -> None:
        self.spark = spark
        self.config = config
        self.features_version = good_version(spark, "features")
        self._rows: dict[str, pd.DataFrame] = {}

    def examples(self, settings: ModelSettings) -> TrainingSet:
        """Inputs and labels of one configured model.

        Raises:
            DataContractError: there are no features of this width, or not this label or feature.
        """
        names, width = self.config.features.names(), self.config.model_bar_seconds
        rows = self.rows(settings.label)
        return make_training_set(rows, names, settings.sequence_length, width, self.features_version, settings.group)

    def rows(self, label: str) -> pd.DataFrame:
        """All rows with this label as ``label``, also those that no model can use.

        Raises:
            DataContractError: as :meth:`examples`.
        """
        if label not in self._rows:
            exchanges = tuple(sorted({source.exchange for source in self.config.sources}))
            names, width = self.config.features.names(), self.config.model_bar_seconds
            selected = select_rows(self.spark, self.features_version, width, label, names, exchanges)
            self._rows[label] = read_rows(selected, width)
        return self._rows[label]
