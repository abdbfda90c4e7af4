"""Examples of the configured models, the rows of each label read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from jobs.config import Config, ModelSettings
from jobs.last_good import good_version
from jobs.training_set import TrainingSet, make_training_set, read_rows

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
        config = self.config
        names = config.features.names()
        if settings.label not in self._rows:
            exchanges = tuple(sorted({source.exchange for source in config.sources}))
            width = config.model_bar_seconds
            self._rows[settings.label] = read_rows(
                self.spark, self.features_version, width, settings.label, names, exchanges
            )
        return make_training_set(
            self._rows[settings.label],
            names,
            settings.sequence_length,
            config.model_bar_seconds,
            config.horizon_seconds(settings.label),
            self.features_version,
        )
