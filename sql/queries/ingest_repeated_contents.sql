-- Contents that more than one event has, by hash: a superset, since other contents may share a hash.
-- Grain: symbol, epoch, content.
WITH contents AS (
    SELECT
        symbol, epoch,
        xxhash64(event, event_time, order_id, side, order_type, price, size, old_size, remaining_size, funds, reason,
            trade_id, maker_order_id, taker_order_id, snapshot) AS content
    FROM (
        SELECT symbol, epoch, event, event_time, order_id, side, order_type, price, size, old_size, remaining_size,
            funds, reason, trade_id, maker_order_id, taker_order_id, snapshot
        FROM ingest_events
        UNION ALL
        SELECT symbol, epoch, event, event_time, order_id, side, order_type, price, size, old_size, remaining_size,
            funds, reason, trade_id, maker_order_id, taker_order_id, snapshot
        FROM ingest_held
    )
)
SELECT symbol, epoch, content
FROM contents
GROUP BY symbol, epoch, content
HAVING count(*) > 1
