-- Bring book_states to what the events say; book_state_changes holds only rows that differ.
MERGE INTO book_states
USING book_state_changes AS changes
ON book_states.exchange = changes.exchange
    AND book_states.symbol = changes.symbol
    AND book_states.epoch = changes.epoch
    AND book_states.sequence = changes.sequence
WHEN MATCHED AND changes.is_deleted THEN DELETE
WHEN MATCHED THEN UPDATE SET *
WHEN NOT MATCHED AND NOT changes.is_deleted THEN INSERT *
