-- Feature rows that want an answer, with the answer of a model that reads a row and :n_before rows before it, oldest
-- first. A window with a hole in time is not scored: the model has learned from windows without one.
-- Grain: exchange, symbol, bar_seconds, bar_start.
WITH windows AS (
    SELECT
        exchange,
        symbol,
        bar_seconds,
        bar_start,
        available_at,
        is_wanted,
        collect_list(features) OVER last_steps AS steps,
        unix_micros(bar_start) - unix_micros(first(bar_start) OVER last_steps) AS span_us
    FROM IDENTIFIER(:features)
    WINDOW last_steps AS (
        PARTITION BY exchange, symbol, bar_seconds ORDER BY bar_start ROWS BETWEEN :n_before PRECEDING AND CURRENT ROW
    )
)
SELECT
    exchange,
    symbol,
    bar_seconds,
    bar_start,
    available_at,
    -- Both tests: the first rows of a symbol with a hole span the right time in too few rows.
    predict_detail(
        :model,
        IF(span_us = :n_before * bar_seconds * 1000000L AND size(steps) = :n_before + 1, steps, NULL)
    ) AS detail
FROM windows
WHERE is_wanted
