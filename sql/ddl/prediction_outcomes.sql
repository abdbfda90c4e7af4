-- Published predictions beside what came true; outcome is NULL until the horizon has passed.
-- Grain: exchange, symbol, bar_seconds, bar_start, model, version.
CREATE VIEW IF NOT EXISTS prediction_outcomes
COMMENT 'One row is a saved prediction with its outcome once known'
AS
SELECT
    predictions.exchange,
    predictions.symbol,
    predictions.bar_seconds,
    predictions.bar_start,
    predictions.available_at,
    predictions.model,
    predictions.version,
    predictions.label,
    predictions.horizon_seconds,
    predictions.prediction,
    predictions.predicted_class,
    predictions.status,
    -- The label is chosen by its name in the row: the struct of labels has as many fields as the configuration names.
    try_cast(outcomes.by_label[predictions.label] AS DOUBLE) AS outcome,
    outcomes.by_label[predictions.label] AS outcome_text,
    outcomes.is_training
FROM published_predictions AS predictions
LEFT JOIN (
    SELECT
        exchange,
        symbol,
        bar_seconds,
        bar_start,
        is_training,
        from_json(to_json(labels), 'MAP<STRING, STRING>') AS by_label
    FROM published_features
) AS outcomes
    ON predictions.exchange = outcomes.exchange
    AND predictions.symbol = outcomes.symbol
    AND predictions.bar_seconds = outcomes.bar_seconds
    AND predictions.bar_start = outcomes.bar_start
