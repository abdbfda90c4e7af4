-- How far the features and predictions of each later day lie from those of training time.
-- psi: population stability index over the tenths of training time, shares of at least 1e-6 (Siddiqi 2006, Credit Risk
-- Scorecards, chapter 6). ks: two-sample Kolmogorov-Smirnov statistic, the largest distance of the two distribution
-- functions; it is found where the day's function steps, just before or after a value of the day. ks_critical: Smirnov's
-- value that independent rows of one distribution exceed on one day of a thousand; rows of a market depend on each other,
-- so an alarm asks for a psi of 0.25 as well. NULL and NaN count as missing and take part in nothing else.
-- Grain: exchange, symbol, bar_seconds, kind, name, version, day.
CREATE VIEW IF NOT EXISTS drift
COMMENT 'One row is a feature, or the predictions of a model version, on a day after training time'
AS
WITH measured AS (
    SELECT
        exchange, symbol, bar_seconds, 'feature' AS kind, name, 0 AS version,
        is_training,
        CAST(bar_start AS DATE) AS day,
        CASE WHEN NOT isnan(value) THEN value END AS value
    FROM published_features
    LATERAL VIEW explode(
        from_json(to_json(features, map('ignoreNullFields', 'false')), 'MAP<STRING, DOUBLE>')
    ) AS name, value
    UNION ALL
    SELECT
        exchange, symbol, bar_seconds, 'prediction' AS kind, model AS name, version,
        is_training,
        CAST(bar_start AS DATE) AS day,
        CASE WHEN NOT isnan(prediction) THEN prediction END AS value
    FROM prediction_outcomes
    WHERE is_training IS NOT NULL
),
borders AS (
    SELECT
        exchange, symbol, bar_seconds, kind, name, version,
        percentile(value, array(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)) AS tenths
    FROM measured
    WHERE is_training
    GROUP BY ALL
),
placed AS (
    SELECT
        measured.*,
        size(filter(borders.tenths, border -> border < value)) AS tenth
    FROM measured
    JOIN borders USING (exchange, symbol, bar_seconds, kind, name, version)
),
training AS (
    SELECT
        exchange, symbol, bar_seconds, kind, name, version,
        count(*) AS n,
        count(value) AS n_known,
        avg(value) AS mean,
        array(
            count_if(value IS NOT NULL AND tenth = 0), count_if(tenth = 1), count_if(tenth = 2), count_if(tenth = 3),
            count_if(tenth = 4), count_if(tenth = 5), count_if(tenth = 6), count_if(tenth = 7), count_if(tenth = 8),
            count_if(tenth = 9)
        ) AS n_by_tenth
    FROM placed
    WHERE is_training
    GROUP BY ALL
),
ranked AS (
    SELECT
        *,
        count_if(is_training AND value IS NOT NULL)
            OVER (PARTITION BY exchange, symbol, bar_seconds, kind, name, version) AS n_training,
        count_if(is_training) OVER (
            PARTITION BY exchange, symbol, bar_seconds, kind, name, version, value IS NULL ORDER BY value
        ) AS n_training_up_to,
        count_if(is_training)
            OVER (PARTITION BY exchange, symbol, bar_seconds, kind, name, version, value) AS n_training_tied,
        count(value)
            OVER (PARTITION BY exchange, symbol, bar_seconds, kind, name, version, is_training, day) AS n_of_day,
        count(value) OVER (
            PARTITION BY exchange, symbol, bar_seconds, kind, name, version, is_training, day, value IS NULL
            ORDER BY value
        ) AS n_of_day_up_to,
        count(value) OVER (
            PARTITION BY exchange, symbol, bar_seconds, kind, name, version, is_training, day, value
        ) AS n_of_day_tied
    FROM placed
),
later AS (
    SELECT
        exchange, symbol, bar_seconds, kind, name, version, day,
        count(*) AS n,
        count(value) AS n_known,
        avg(value) AS mean,
        array(
            count_if(value IS NOT NULL AND tenth = 0), count_if(tenth = 1), count_if(tenth = 2), count_if(tenth = 3),
            count_if(tenth = 4), count_if(tenth = 5), count_if(tenth = 6), count_if(tenth = 7), count_if(tenth = 8),
            count_if(tenth = 9)
        ) AS n_by_tenth,
        max(CASE WHEN value IS NOT NULL THEN greatest(
            try_divide(n_of_day_up_to, n_of_day) - try_divide(n_training_up_to, n_training),
            try_divide(n_training_up_to - n_training_tied, n_training)
            - try_divide(n_of_day_up_to - n_of_day_tied, n_of_day)
        ) END) AS ks
    FROM ranked
    WHERE NOT is_training
    GROUP BY ALL
),
compared AS (
    SELECT
        exchange, symbol, bar_seconds, kind, name, nullif(version, 0) AS version, day,
        training.n AS n_training,
        later.n AS n_day,
        1 - training.n_known / training.n AS null_rate_training,
        1 - later.n_known / later.n AS null_rate_day,
        training.mean AS mean_training,
        later.mean AS mean_day,
        IF(later.n_known = 0 OR training.n_known = 0, NULL, aggregate(
            zip_with(
                transform(later.n_by_tenth, n -> greatest(try_divide(n, later.n_known), 1e-6)),
                transform(training.n_by_tenth, n -> greatest(try_divide(n, training.n_known), 1e-6)),
                (share, was) -> (share - was) * ln(share / was)
            ),
            0D,
            (total, part) -> total + part
        )) AS psi,
        later.ks,
        -- sqrt(-ln(0.001 / 2) / 2) is 1.949
        sqrt(-ln(0.0005) / 2) * sqrt(try_divide(1, later.n_known) + try_divide(1, training.n_known)) AS ks_critical
    FROM later
    JOIN training USING (exchange, symbol, bar_seconds, kind, name, version)
)
SELECT
    *,
    psi >= 0.25 AND ks > ks_critical AS is_alarm
FROM compared
