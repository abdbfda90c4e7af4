SELECT exchange, symbol, bar_seconds, bar_start
FROM {{ ref('scored_bars') }}
GROUP BY exchange, symbol, bar_seconds, bar_start
HAVING count(*) > 1
