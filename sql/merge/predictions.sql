-- Scored rows into predictions: new rows are added, a row whose answer changed is replaced, equal rows stay untouched.
-- Grain: exchange, symbol, bar_seconds, bar_start, model, version.
MERGE INTO predictions AS saved
USING IDENTIFIER(:scored) AS scored
ON saved.exchange = scored.exchange
    AND saved.symbol = scored.symbol
    AND saved.bar_seconds = scored.bar_seconds
    AND saved.bar_start = scored.bar_start
    AND saved.model = scored.model
    AND saved.version = scored.version
WHEN MATCHED AND NOT (
    saved.digest <=> scored.digest
    AND saved.prediction <=> scored.prediction
    AND saved.predicted_class <=> scored.predicted_class
    AND saved.lower <=> scored.lower
    AND saved.upper <=> scored.upper
    AND saved.status <=> scored.status
) THEN UPDATE SET *
WHEN NOT MATCHED THEN INSERT *
