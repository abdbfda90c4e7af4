-- Feature rows that want an answer, with the answer of a model that reads one row.
-- Grain: exchange, symbol, bar_seconds, bar_start.
SELECT
    exchange,
    symbol,
    bar_seconds,
    bar_start,
    available_at,
    predict_detail(:model, features) AS detail
FROM IDENTIFIER(:features)
WHERE is_wanted
