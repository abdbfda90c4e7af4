-- Bring bars to what the events say; bar_changes holds only rows that differ.
MERGE INTO bars
USING bar_changes AS changes
ON bars.exchange = changes.exchange
    AND bars.symbol = changes.symbol
    AND bars.bar_seconds = changes.bar_seconds
    AND bars.bar_start = changes.bar_start
WHEN MATCHED AND changes.is_deleted THEN DELETE
WHEN MATCHED THEN UPDATE SET *
WHEN NOT MATCHED AND NOT changes.is_deleted THEN INSERT *
