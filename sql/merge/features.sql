-- Bring features to what the bars say; feature_changes holds only rows that differ.
MERGE INTO features
USING feature_changes AS changes
ON features.exchange = changes.exchange
    AND features.symbol = changes.symbol
    AND features.bar_seconds = changes.bar_seconds
    AND features.bar_start = changes.bar_start
WHEN MATCHED AND changes.is_deleted THEN DELETE
WHEN MATCHED THEN UPDATE SET *
WHEN NOT MATCHED AND NOT changes.is_deleted THEN INSERT *
