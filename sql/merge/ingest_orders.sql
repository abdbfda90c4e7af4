-- New events; none of their keys is in the table.
INSERT INTO orders (
    exchange, symbol, epoch, sequence, event, event_time, order_id, side, order_type, price, size, old_size,
    remaining_size, funds, reason, trade_id, maker_order_id, taker_order_id, snapshot, source_file, byte_offset, run_id
)
SELECT
    :exchange, symbol, epoch, sequence, event, event_time, order_id, side, order_type, price, size, old_size,
    remaining_size, funds, reason, trade_id, maker_order_id, taker_order_id, snapshot, source_file, byte_offset, :run_id
FROM ingest_rows
WHERE outcome = 'good'
