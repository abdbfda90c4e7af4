-- Best bid and ask of the rebuilt book after each event that changed them, with depth at chosen times.
-- Grain: exchange, symbol, epoch, sequence.
CREATE TABLE IF NOT EXISTS quotes (
    exchange STRING NOT NULL COMMENT 'venue',
    symbol STRING NOT NULL COMMENT 'product',
    epoch BIGINT NOT NULL COMMENT 'numbering period, as in orders',
    sequence BIGINT NOT NULL COMMENT 'event of orders after which the row holds',
    event_time TIMESTAMP NOT NULL COMMENT 'UTC instant of that event: from then on the row is known',
    state STRING NOT NULL COMMENT 'valid: seeded by a snapshot and no event missed since; unseeded: only orders seen since the first event, or best prices beyond what a snapshot has shown; invalid_after_gap: events were missed, until the next snapshot; invalid_too_large: a price held more than the columns can',
    is_usable BOOLEAN NOT NULL COMMENT 'true where features may use the row: both sides there, neither crossed nor locked, and the state valid, or unseeded for longer than book.warm_seconds',
    is_crossed BOOLEAN NOT NULL COMMENT 'bid_price above ask_price',
    is_locked BOOLEAN NOT NULL COMMENT 'bid_price equal to ask_price',
    is_change BOOLEAN NOT NULL COMMENT 'true where a best price or size or the state differs from the row before; false where the row is there for its depth',
    bid_price DECIMAL(18, 8) COMMENT 'best bid, quote currency per base unit; NULL without one',
    bid_size DECIMAL(18, 8) COMMENT 'base units that wait at bid_price',
    bid_orders BIGINT NOT NULL COMMENT 'orders that wait at bid_price; what a snapshot shows beyond the known orders counts as one',
    bid_first_size DECIMAL(18, 8) COMMENT 'base units of the order first in the queue at bid_price',
    bid_first_age_seconds DOUBLE COMMENT 'seconds since the first order of that queue came to its place; of a seeded order since the snapshot',
    bid_mean_age_seconds DOUBLE COMMENT 'mean of that age over the orders of the queue, seconds',
    bid_queue_ahead DECIMAL(18, 8) COMMENT 'base units ahead of the order of this event at the best bid before it, also where the order just joins; a new order would have bid_size ahead; NULL where the event is of no order at the best bid',
    bid_depth_prices ARRAY<DECIMAL(18, 8)> COMMENT 'best bid prices, best first, at most book.depth_levels; NULL but at the first event of each book.depth_seconds',
    bid_depth_sizes ARRAY<DECIMAL(18, 8)> COMMENT 'base units at those prices',
    ask_price DECIMAL(18, 8) COMMENT 'best ask, quote currency per base unit; NULL without one',
    ask_size DECIMAL(18, 8) COMMENT 'base units that wait at ask_price',
    ask_orders BIGINT NOT NULL COMMENT 'orders that wait at ask_price, as bid_orders',
    ask_first_size DECIMAL(18, 8) COMMENT 'base units of the order first in the queue at ask_price',
    ask_first_age_seconds DOUBLE COMMENT 'as bid_first_age_seconds',
    ask_mean_age_seconds DOUBLE COMMENT 'as bid_mean_age_seconds',
    ask_queue_ahead DECIMAL(18, 8) COMMENT 'as bid_queue_ahead, at the best ask',
    ask_depth_prices ARRAY<DECIMAL(18, 8)> COMMENT 'best ask prices, best first, as bid_depth_prices',
    ask_depth_sizes ARRAY<DECIMAL(18, 8)> COMMENT 'base units at those prices',
    n_unknown BIGINT NOT NULL COMMENT 'events so far in the epoch about orders that the book does not know',
    order_flow DECIMAL(38, 8) COMMENT 'base units that came to the bid and left the ask since the row before: bid_size where bid_price did not fall, less the bid_size before where it did not rise, less ask_size where ask_price did not rise, plus the ask_size before where it did not fall (Cont, Kukanov and Stoikov 2014); summed up it is the order flow imbalance; NULL where one of the two rows is crossed, locked, one-sided or invalid, or the state has changed'
)
USING delta
CLUSTER BY (exchange, symbol, event_time)
COMMENT 'One row is best bid and ask after an event that changed them'
TBLPROPERTIES (delta.enableChangeDataFeed = true)
