-- Bring predictions to what the models say; prediction_changes holds only rows that differ.
-- Grain: exchange, symbol, bar_seconds, bar_start, model, version.
MERGE INTO predictions AS saved
USING prediction_changes AS changes
ON saved.exchange = changes.exchange
    AND saved.symbol = changes.symbol
    AND saved.bar_seconds = changes.bar_seconds
    AND saved.bar_start = changes.bar_start
    AND saved.model = changes.model
    AND saved.version = changes.version
WHEN MATCHED AND changes.is_deleted THEN DELETE
WHEN MATCHED THEN UPDATE SET *
WHEN NOT MATCHED AND NOT changes.is_deleted THEN INSERT *
