-- Where the price stands against its averages of 20, 50 and 200 days, and what came of it after 20.
WITH averaged AS (
    SELECT
        day,
        gold_close,
        ln(gold_close / avg(gold_close) OVER (ORDER BY day ROWS 19 PRECEDING)) AS gold_to_20_days,
        ln(gold_close / avg(gold_close) OVER (ORDER BY day ROWS 49 PRECEDING)) AS gold_to_50_days,
        ln(gold_close / avg(gold_close) OVER (ORDER BY day ROWS 199 PRECEDING)) AS gold_to_200_days,
        ln(dollar_close / avg(dollar_close) OVER (ORDER BY day ROWS 19 PRECEDING)) AS dollar_to_20_days,
        ln(dollar_close / avg(dollar_close) OVER (ORDER BY day ROWS 49 PRECEDING)) AS dollar_to_50_days,
        ln(dollar_close / avg(dollar_close) OVER (ORDER BY day ROWS 199 PRECEDING)) AS dollar_to_200_days,
        lead(gold_close, 20) OVER (ORDER BY day) / gold_close - 1 AS return_20_days,
        row_number() OVER (ORDER BY day) AS n_days
    FROM gold_prices
)
SELECT * EXCEPT (n_days) FROM averaged WHERE n_days >= 200
