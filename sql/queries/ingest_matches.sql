-- Matches among the accepted events as trades, one per trade_id: the first by epoch and sequence.
-- Grain: symbol, trade_id.
WITH matches AS (
    SELECT
        symbol,
        trade_id,
        epoch,
        sequence,
        event_time AS trade_time,
        price,
        size,
        CASE side WHEN 'sell' THEN 'buy' WHEN 'buy' THEN 'sell' END AS taker_side,  -- side is the maker's
        side IS NULL AS is_side_inferred,
        row_number() OVER (PARTITION BY symbol, trade_id ORDER BY epoch, sequence) AS position
    FROM ingest_rows
    WHERE outcome IN ('good', 'own') AND event = 'match'
)
SELECT symbol, trade_id, epoch, sequence, trade_time, price, size, taker_side, is_side_inferred
FROM matches
WHERE position = 1
