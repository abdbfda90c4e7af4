-- One row a day on which gold was traded; the dollar index is the last one known on that day.
WITH gold AS (
    SELECT CAST(`Date` AS DATE) AS day, try_cast(`Close` AS DOUBLE) AS close
    FROM csv.`${spark.gold.folder}/gold_*.csv` WITH ('header' = 'true')
),
dollar AS (
    SELECT CAST(`Date` AS DATE) AS day, try_cast(`Close` AS DOUBLE) AS close
    FROM csv.`${spark.gold.folder}/usdx_*.csv` WITH ('header' = 'true')
),
days AS (
    SELECT
        day,
        gold.close AS gold_close,
        last_value(dollar.close) IGNORE NULLS OVER (ORDER BY day ROWS UNBOUNDED PRECEDING) AS dollar_close
    FROM gold FULL JOIN dollar USING (day)
)
SELECT * FROM days WHERE gold_close IS NOT NULL AND dollar_close IS NOT NULL
