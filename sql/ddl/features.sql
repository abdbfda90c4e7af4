-- Model input and labels of each bar. The two structs gain a field when the configuration names a new one.
-- Grain: exchange, symbol, bar_seconds, bar_start.
CREATE TABLE IF NOT EXISTS features (
    exchange STRING NOT NULL COMMENT 'venue',
    symbol STRING NOT NULL COMMENT 'product',
    bar_seconds INT NOT NULL COMMENT 'width of the bar in seconds',
    bar_start TIMESTAMP NOT NULL COMMENT 'UTC instant of the left border of the bar',
    available_at TIMESTAMP NOT NULL COMMENT 'from this instant on the features are known',
    is_warm BOOLEAN NOT NULL COMMENT 'true where every look-back window is full and no feature is NULL',
    is_training BOOLEAN NOT NULL COMMENT 'true where the scales were fitted on this bar',
    feature_set STRING NOT NULL COMMENT 'name and version of the scales used, key of feature_scales'
)
USING delta
CLUSTER BY (exchange, symbol, bar_start)
COMMENT 'One row is the model input of a bar: features known at available_at, labels that lie after it'
TBLPROPERTIES (delta.enableChangeDataFeed = true)
