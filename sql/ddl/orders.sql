-- Order-level events as the exchange sent them.
-- Grain: exchange, symbol, epoch, sequence.
CREATE TABLE IF NOT EXISTS orders (
    exchange STRING NOT NULL COMMENT 'venue that sent the event, lower case',
    symbol STRING NOT NULL COMMENT 'product as the exchange names it, for example BTC-USD',
    epoch BIGINT NOT NULL COMMENT 'numbering period of the sequence: 0 where the exchange numbers without end, else the first receive time of the recording in epoch ms',
    sequence BIGINT NOT NULL COMMENT 'position in the epoch; line number where the exchange sends none',
    event STRING NOT NULL COMMENT 'received, open, change, done, match, snapshot; partial_cancel: a part of an order is taken back; update: what waits at a price from now on, in feeds without orders',
    event_time TIMESTAMP NOT NULL COMMENT 'UTC instant at the exchange (receive time where it sends none), cut to microseconds',
    order_id STRING COMMENT 'order concerned; NULL for match and snapshot',
    side STRING COMMENT 'buy or sell: side of the order; for a match the side of the maker; NULL where not sent',
    order_type STRING COMMENT 'limit or market; NULL where not sent',
    price DECIMAL(18, 8) COMMENT 'quote currency per base unit; NULL for market orders',
    size DECIMAL(18, 8) COMMENT 'base units: ordered size of a received, matched size of a match, new size of a change, size taken back by a partial_cancel, all that waits at the price after an update',
    old_size DECIMAL(18, 8) COMMENT 'base units before a change',
    remaining_size DECIMAL(18, 8) COMMENT 'base units left in the book after the event',
    funds DECIMAL(38, 18) COMMENT 'quote currency that a market order may spend',
    reason STRING COMMENT 'of a done: filled or canceled',
    trade_id BIGINT COMMENT 'of a match',
    maker_order_id STRING COMMENT 'of a match: the resting order',
    taker_order_id STRING COMMENT 'of a match: the incoming order',
    snapshot STRING COMMENT 'of a snapshot or an update of many levels: these as JSON text',
    source_file STRING NOT NULL COMMENT 'name of the file that brought the event',
    byte_offset BIGINT NOT NULL COMMENT 'offset of the line in the uncompressed file',
    run_id STRING NOT NULL COMMENT 'ingest run that wrote the row'
)
USING delta
CLUSTER BY (exchange, symbol, event_time)
COMMENT 'One row is one order-level event as the exchange sent it'
TBLPROPERTIES (delta.enableChangeDataFeed = true)
