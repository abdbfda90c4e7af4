-- The newest bars with the prediction of the default model, ad hoc.
-- Grain: symbol, bar_start.
SELECT
    symbol,
    bar_start,
    round(10000 * predict(features), 3) AS predicted_return_bps
FROM features
WHERE exchange = 'simulated' AND is_warm
ORDER BY bar_start DESC, symbol
LIMIT 6
