-- Events that the table holds, marked where no finished run accounts for them: a crashed run left those.
-- Grain: symbol, epoch, sequence.
SELECT
    held.symbol, held.epoch, held.sequence, held.event, held.event_time, held.order_id, held.side, held.order_type,
    held.price, held.size, held.old_size, held.remaining_size, held.funds, held.reason, held.trade_id,
    held.maker_order_id, held.taker_order_id, held.snapshot,
    held.source_file,
    held.byte_offset,
    finished.run_id IS NULL AS is_orphan
FROM ingest_range AS held
LEFT JOIN (SELECT DISTINCT run_id FROM ingested_files WHERE exchange = :exchange) AS finished
    ON finished.run_id = held.run_id
