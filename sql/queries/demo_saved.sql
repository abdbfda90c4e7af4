-- The answers of two named models, saved as a table.
-- Grain: symbol, bar_start.
CREATE OR REPLACE TABLE my_predictions AS
SELECT
    symbol,
    bar_start,
    predict('ridge_return_5m', features) AS ridge,
    predict('forest_return_5m@champion', features) AS forest
FROM features
WHERE exchange = 'simulated' AND is_warm
