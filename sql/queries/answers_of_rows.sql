-- Feature rows of one width with the answer of a model that reads one row.
-- Grain: exchange, symbol, bar_seconds, bar_start.
SELECT
    exchange,
    symbol,
    bar_seconds,
    bar_start,
    available_at,
    predict_detail(:model, features) AS detail
FROM IDENTIFIER(:features)
WHERE bar_seconds = :bar_seconds
    AND array_contains(:exchanges, exchange)
