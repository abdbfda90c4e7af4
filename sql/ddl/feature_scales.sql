-- Normalization fitted on training time only; also the list of what a feature set holds, and the end of its training.
-- Grain: feature_set, exchange, symbol, bar_seconds, feature.
CREATE TABLE IF NOT EXISTS feature_scales (
    feature_set STRING NOT NULL COMMENT 'name and version, for example default/1',
    exchange STRING NOT NULL COMMENT 'venue',
    symbol STRING NOT NULL COMMENT 'product',
    bar_seconds INT NOT NULL COMMENT 'width of the bar in seconds',
    feature STRING NOT NULL COMMENT 'field of features.features',
    method STRING NOT NULL COMMENT 'zscore: (x - center) / width with mean and sample deviation; minmax: with minimum and range; none: as it is',
    center DOUBLE COMMENT 'in the unit of the raw variable; NULL where training time has no value, and for none',
    width DOUBLE COMMENT 'in the unit of the raw variable; NULL where it would be zero: the feature is then NULL, unless the method is none',
    n_rows BIGINT NOT NULL COMMENT 'training rows with a value',
    train_start TIMESTAMP NOT NULL COMMENT 'first bar_start of training time',
    train_end TIMESTAMP NOT NULL COMMENT 'end of training time, exclusive',
    config_digest STRING NOT NULL COMMENT 'SHA-256 of the settings of features, labels and training time of the set'
)
USING delta
COMMENT 'One row is the fitted scale of one feature of one symbol'
TBLPROPERTIES (delta.dataSkippingNumIndexedCols = 0) -- few files: to read their statistics costs more than it saves
