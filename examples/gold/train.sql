-- What ends before 2015 is learned from; whatever came later was never seen, by no version of the model.
-- 20 trading days are up to 36 days of the calendar: labels that reach over a border by that are left out.
CREATE OR REPLACE MODEL gold_20_days USING ridge
OPTIONS (label = 'return_20_days', time = 'day', horizon_seconds = 3110400, split = 'walk_forward', folds = 5, alpha = 1000)
AS SELECT
    day,
    gold_to_20_days,
    gold_to_50_days,
    gold_to_200_days,
    dollar_to_20_days,
    dollar_to_50_days,
    dollar_to_200_days,
    return_20_days
FROM gold_features
WHERE day < DATE'2014-11-25' AND return_20_days IS NOT NULL;

EVALUATE MODEL gold_20_days ON (SELECT * EXCEPT (gold_close) FROM gold_features WHERE day >= DATE'2015-01-01');
