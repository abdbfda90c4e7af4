-- The saved predictions joined to what came true, on held-out time only.
-- Grain: symbol.
SELECT
    my_predictions.symbol,
    count(*) AS n,
    round(corr(ridge, labels.return_5m), 4) AS ridge_correlation,
    round(corr(forest, labels.return_5m), 4) AS forest_correlation,
    round(avg(IF(ridge > 0, labels.return_5m, -labels.return_5m)) * 10000, 3) AS mean_return_bps_on_ridges_side
FROM my_predictions
JOIN features
    ON features.symbol = my_predictions.symbol
    AND features.bar_start = my_predictions.bar_start
WHERE features.exchange = 'simulated'
    AND features.bar_seconds = 60
    AND NOT is_training
    AND labels.return_5m IS NOT NULL
GROUP BY my_predictions.symbol
ORDER BY my_predictions.symbol
