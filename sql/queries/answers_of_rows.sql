-- Feature rows of one width with the answer of a model that reads one row.
-- Grain: exchange, symbol, bar_seconds, bar_start.
SELECT
    exchange,
    symbol,
    bar_seconds,
    bar_start,
    available_at,
    predict(:model, features) AS answer,
    FALSE AS is_too_short,
    NOT is_warm AS has_null
FROM IDENTIFIER(:features)
WHERE bar_seconds = :bar_seconds
    AND array_contains(:exchanges, exchange)
