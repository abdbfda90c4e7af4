-- Feature rows of one width with the answer of a model that reads the last :n_steps rows of a symbol, oldest first.
-- A window with a hole in time is not scored: the model has learned from windows without one.
-- Grain: exchange, symbol, bar_seconds, bar_start.
WITH windows AS (
    SELECT
        exchange,
        symbol,
        bar_seconds,
        bar_start,
        available_at,
        collect_list(features) OVER last_steps AS steps,
        unix_micros(bar_start) - unix_micros(first(bar_start) OVER last_steps) AS span_us
    FROM IDENTIFIER(:features)
    WHERE bar_seconds = :bar_seconds
        AND array_contains(:exchanges, exchange)
    WINDOW last_steps AS (
        PARTITION BY exchange, symbol ORDER BY bar_start ROWS BETWEEN :n_before PRECEDING AND CURRENT ROW
    )
)
SELECT
    exchange,
    symbol,
    bar_seconds,
    bar_start,
    available_at,
    predict_detail(:model, IF(span_us = :n_before * bar_seconds * 1000000L, steps, NULL)) AS detail
FROM windows
