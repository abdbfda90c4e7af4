-- Bring quotes to what the events say; quote_changes holds only rows that differ.
MERGE INTO quotes
USING quote_changes AS changes
ON quotes.exchange = changes.exchange
    AND quotes.symbol = changes.symbol
    AND quotes.epoch = changes.epoch
    AND quotes.sequence = changes.sequence
WHEN MATCHED AND changes.is_deleted THEN DELETE
WHEN MATCHED THEN UPDATE SET *
WHEN NOT MATCHED AND NOT changes.is_deleted THEN INSERT *
