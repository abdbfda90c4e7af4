-- Trades whose feed sends no side, with the side of the tick test (Lee and Ready 1991): above the last other price
-- the taker bought, below it sold; NULL until the price has moved. From the earliest new trade of an epoch on, also
-- those held already: an earlier trade that comes late changes what follows.
-- Grain: symbol, trade_id.
WITH fresh AS (
    SELECT new.*
    FROM ingest_matches AS new
    LEFT ANTI JOIN trades AS held  -- one trade seen by two recordings stays with the first
        ON held.exchange = :exchange AND held.symbol = new.symbol AND held.trade_id = new.trade_id
        AND NOT (held.epoch = new.epoch AND held.sequence = new.sequence)
),
touched AS (
    SELECT symbol, epoch, min(sequence) AS first_sequence FROM fresh GROUP BY symbol, epoch
),
held AS (
    SELECT trades.*, touched.first_sequence
    FROM trades
    INNER JOIN touched ON touched.symbol = trades.symbol AND touched.epoch = trades.epoch
    WHERE trades.exchange = :exchange AND trades.is_side_inferred
),
before AS (
    SELECT symbol, epoch, max_by(price, sequence) AS price, max_by(struct(taker_side), sequence).taker_side AS taker_side
    FROM held
    WHERE sequence < first_sequence
    GROUP BY symbol, epoch
),
following AS (
    SELECT symbol, trade_id, epoch, sequence, trade_time, price, size FROM fresh
    UNION ALL
    SELECT symbol, trade_id, epoch, sequence, trade_time, price, size
    FROM held
    LEFT ANTI JOIN fresh ON fresh.symbol = held.symbol AND fresh.trade_id = held.trade_id
    WHERE held.sequence >= held.first_sequence
),
moves AS (
    SELECT
        following.*,
        before.taker_side AS side_before,
        following.price - coalesce(
            lag(following.price) OVER (PARTITION BY following.symbol, following.epoch ORDER BY following.sequence),
            before.price
        ) AS move
    FROM following
    LEFT JOIN before ON before.symbol = following.symbol AND before.epoch = following.epoch
)
SELECT
    symbol, trade_id, epoch, sequence, trade_time, price, size,
    coalesce(
        last_value(CASE WHEN move > 0 THEN 'buy' WHEN move < 0 THEN 'sell' END) IGNORE NULLS OVER (
            PARTITION BY symbol, epoch ORDER BY sequence
        ),
        side_before
    ) AS taker_side,
    true AS is_side_inferred
FROM moves
