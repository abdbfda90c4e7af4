INSERT OVERWRITE DIRECTORY '${spark.gold.site}/predictions' USING csv OPTIONS ('header' = 'true')
SELECT /*+ COALESCE(1) */
    day,
    gold_close,
    return_20_days,
    prediction,
    lower,
    upper,
    model,
    version,
    day >= DATE'2015-01-01' AS is_unseen
FROM gold_predictions
ORDER BY day;
