-- Saved predictions, each with the model and data that made it.
-- Grain: exchange, symbol, bar_seconds, bar_start, model, version.
CREATE TABLE IF NOT EXISTS predictions (
    exchange STRING NOT NULL COMMENT 'venue',
    symbol STRING NOT NULL COMMENT 'product',
    bar_seconds INT NOT NULL COMMENT 'width of the bar in seconds',
    bar_start TIMESTAMP NOT NULL COMMENT 'UTC instant of the left border of the bar',
    available_at TIMESTAMP NOT NULL COMMENT 'from this instant on the prediction could be made',
    model STRING NOT NULL COMMENT 'registered name',
    version INT NOT NULL COMMENT 'registered version',
    digest STRING NOT NULL COMMENT 'SHA-256 of the model artifact',
    label STRING NOT NULL COMMENT 'field of features.labels that is predicted',
    horizon_seconds INT COMMENT 'how far ahead, from available_at',
    prediction DOUBLE COMMENT 'in the unit of the label, of a classifier the probability of predicted_class; NULL where status is not OK',
    predicted_class STRING COMMENT 'of a classifier: the label as trained, as text; NULL for a regressor and where status is not OK',
    lower DOUBLE COMMENT 'lower end of the 90 % interval; NULL where the model has none',
    upper DOUBLE COMMENT 'upper end of the 90 % interval; NULL where the model has none',
    status STRING NOT NULL COMMENT 'OK, NULL_FEATURE, OUT_OF_RANGE, UNKNOWN_CATEGORY, SHAPE, NAN_OUTPUT or MODEL_ERROR',
    features_version BIGINT NOT NULL COMMENT 'Delta version of features that was scored',
    scored_at TIMESTAMP NOT NULL COMMENT 'UTC instant of the scoring run',
    run_id STRING NOT NULL COMMENT 'scoring run'
)
USING delta
CLUSTER BY (exchange, symbol, bar_start)
COMMENT 'One row is a saved prediction'
TBLPROPERTIES (delta.enableChangeDataFeed = true)
