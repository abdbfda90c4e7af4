-- A model from a query: features computed in TRANSFORM are part of the model and computed again when it scores.
CREATE OR REPLACE MODEL flow USING ridge
TRANSFORM (
    (buy_volume - sell_volume) / nullif(buy_volume + sell_volume, 0) AS imbalance,
    ln(close / open) AS return_1
)
OPTIONS (label = 'next_return', time = 'bar_start', horizon_seconds = 300, alpha = 10)
AS
SELECT
    bars.bar_start,
    bars.open,
    bars.close,
    bars.buy_volume,
    bars.sell_volume,
    features.labels.return_5m AS next_return
FROM bars
JOIN features USING (exchange, symbol, bar_seconds, bar_start)
WHERE bars.bar_seconds = 60;

EVALUATE MODEL flow ON (
    SELECT bars.open, bars.close, bars.buy_volume, bars.sell_volume, features.labels.return_5m AS next_return
    FROM bars
    JOIN features USING (exchange, symbol, bar_seconds, bar_start)
    WHERE bars.bar_seconds = 60
);

EXPLAIN PREDICT SELECT symbol, bar_start, predict('flow', struct(*)) FROM bars WHERE bar_seconds = 60;

SHOW MODELS;
