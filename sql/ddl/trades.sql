-- Trades, one per match, with the side of the order that took liquidity.
-- Grain: exchange, symbol, trade_id.
CREATE TABLE IF NOT EXISTS trades (
    exchange STRING NOT NULL COMMENT 'venue',
    symbol STRING NOT NULL COMMENT 'product',
    trade_id BIGINT NOT NULL COMMENT 'number given by the exchange',
    epoch BIGINT NOT NULL COMMENT 'as in orders',
    sequence BIGINT NOT NULL COMMENT 'as in orders: breaks ties between trades of one instant',
    trade_time TIMESTAMP NOT NULL COMMENT 'UTC instant, microseconds',
    price DECIMAL(18, 8) NOT NULL COMMENT 'quote currency per base unit',
    size DECIMAL(18, 8) NOT NULL COMMENT 'base units',
    taker_side STRING COMMENT 'buy or sell: side of the incoming order; NULL where unknown',
    is_side_inferred BOOLEAN NOT NULL COMMENT 'true where taker_side comes from the tick test (Lee and Ready 1991), not from the exchange'
)
USING delta
CLUSTER BY (exchange, symbol, trade_time)
COMMENT 'One row is a match between two orders'
TBLPROPERTIES (delta.enableChangeDataFeed = true)
