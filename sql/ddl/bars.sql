-- Bars of fixed width over [bar_start, bar_start + bar_seconds), with order-flow variables.
-- Grain: exchange, symbol, bar_seconds, bar_start.
CREATE TABLE IF NOT EXISTS bars (
    exchange STRING NOT NULL COMMENT 'venue',
    symbol STRING NOT NULL COMMENT 'product',
    bar_seconds INT NOT NULL COMMENT 'width in seconds, 1 to 86400',
    bar_start TIMESTAMP NOT NULL COMMENT 'UTC instant of the left border (belongs to the bar); multiple of bar_seconds since 1970',
    available_at TIMESTAMP NOT NULL COMMENT 'right border: from this instant on the bar is known',
    open DECIMAL(18, 8) COMMENT 'first trade price, quote currency; ties in time broken by sequence; the close before where the bar has no trade',
    high DECIMAL(18, 8) COMMENT 'highest trade price; the close before where the bar has no trade',
    low DECIMAL(18, 8) COMMENT 'lowest trade price; the close before where the bar has no trade',
    close DECIMAL(18, 8) COMMENT 'last trade price; the close before where the bar has no trade; NULL before the first trade',
    volume DECIMAL(38, 8) NOT NULL COMMENT 'traded base units',
    vwap DOUBLE COMMENT 'sum(price * size) / volume, quote currency; NULL without a trade',
    n_trades BIGINT NOT NULL COMMENT 'trades',
    n_buy_trades BIGINT NOT NULL COMMENT 'trades whose taker bought',
    n_sell_trades BIGINT NOT NULL COMMENT 'trades whose taker sold',
    buy_volume DECIMAL(38, 8) NOT NULL COMMENT 'base units bought by takers',
    sell_volume DECIMAL(38, 8) NOT NULL COMMENT 'base units sold by takers',
    n_limit_buys BIGINT NOT NULL COMMENT 'limit orders to buy that entered',
    n_limit_sells BIGINT NOT NULL COMMENT 'limit orders to sell that entered',
    limit_buy_size DECIMAL(38, 8) NOT NULL COMMENT 'base units of those orders',
    limit_sell_size DECIMAL(38, 8) NOT NULL COMMENT 'base units of those orders',
    n_market_buys BIGINT NOT NULL COMMENT 'market orders to buy that entered',
    n_market_sells BIGINT NOT NULL COMMENT 'market orders to sell that entered',
    market_buy_size DECIMAL(38, 8) NOT NULL COMMENT 'base units of those orders; an order given in funds counts 0',
    market_sell_size DECIMAL(38, 8) NOT NULL COMMENT 'base units of those orders; an order given in funds counts 0',
    n_cancel_buys BIGINT NOT NULL COMMENT 'orders to buy that were canceled',
    n_cancel_sells BIGINT NOT NULL COMMENT 'orders to sell that were canceled',
    cancel_buy_size DECIMAL(38, 8) NOT NULL COMMENT 'base units withdrawn',
    cancel_sell_size DECIMAL(38, 8) NOT NULL COMMENT 'base units withdrawn',
    is_filled BOOLEAN NOT NULL COMMENT 'true where no event fell into the bar and the gap-free grid added it'
)
USING delta
CLUSTER BY (exchange, symbol, bar_start)
COMMENT 'One row is a bar of trades and order flow'
TBLPROPERTIES (delta.enableChangeDataFeed = true)
