-- Books as they were at the end of each UTC day and at the last event, to go on from, and what they have met.
-- Grain: exchange, symbol, epoch, sequence.
CREATE TABLE IF NOT EXISTS book_states (
    exchange STRING NOT NULL COMMENT 'venue',
    symbol STRING NOT NULL COMMENT 'product',
    epoch BIGINT NOT NULL COMMENT 'numbering period, as in orders',
    sequence BIGINT NOT NULL COMMENT 'last event in the book',
    event_time TIMESTAMP NOT NULL COMMENT 'UTC instant of that event',
    saved_book BINARY NOT NULL COMMENT 'the book: its orders with price, size, place in the queue and time, and its counters',
    settings STRING NOT NULL COMMENT 'digest of the settings with which quotes were made',
    is_contiguous BOOLEAN NOT NULL COMMENT 'whether a jump of the sequence was taken for missed events',
    n_events BIGINT NOT NULL COMMENT 'events since the first one of the epoch',
    n_unknown BIGINT NOT NULL COMMENT 'of these: about orders that the book does not know',
    n_contradictions BIGINT NOT NULL COMMENT 'of these: cannot be, for example an open of an order that is open',
    n_gaps BIGINT NOT NULL COMMENT 'jumps of the sequence',
    n_snapshots BIGINT NOT NULL COMMENT 'snapshots of the exchange',
    n_snapshots_agreed BIGINT NOT NULL COMMENT 'of these: best bid and ask and their sizes were those of the book'
)
USING delta
COMMENT 'One row is a book at the end of a day or of what is known'
TBLPROPERTIES (delta.enableChangeDataFeed = true)
