-- One row is a day of a symbol: how many bars have a prediction, and how large it is on average.
{{ config(materialized='table') }}
SELECT
    exchange,
    symbol,
    CAST(bar_start AS DATE) AS day,
    count(*) AS n_bars,
    count(prediction) AS n_predicted,
    avg(abs(prediction)) AS mean_size
FROM {{ ref('scored_bars') }}
GROUP BY exchange, symbol, CAST(bar_start AS DATE)
