-- Holes in the exchange's own numbering.
-- Grain: exchange, symbol, epoch, first_missing.
CREATE TABLE IF NOT EXISTS gaps (
    exchange STRING NOT NULL COMMENT 'venue',
    symbol STRING NOT NULL COMMENT 'product',
    epoch BIGINT NOT NULL COMMENT 'numbering period, as in orders',
    first_missing BIGINT NOT NULL COMMENT 'first sequence number that is absent',
    last_missing BIGINT NOT NULL COMMENT 'last sequence number that is absent',
    n_missing BIGINT NOT NULL COMMENT 'absent sequence numbers',
    last_time_before TIMESTAMP NOT NULL COMMENT 'event time of the row before the hole',
    first_time_after TIMESTAMP NOT NULL COMMENT 'event time of the row after the hole'
)
USING delta
COMMENT 'One row is a hole in the sequence of one symbol'
TBLPROPERTIES (delta.dataSkippingNumIndexedCols = 0) -- few files: to read their statistics costs more than it saves
