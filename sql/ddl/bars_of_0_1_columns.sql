-- What version 0.1 of Foretable did not know of a bar; see bars.sql for what the columns mean.
ALTER TABLE bars ADD COLUMNS (
    last_trade_at TIMESTAMP COMMENT 'UTC instant of the last trade before the right border; NULL before the first',
    last_event_at TIMESTAMP COMMENT 'UTC instant of the last trade, order entry or cancel before the right border',
    last_quote_at TIMESTAMP COMMENT 'UTC instant of the last row of quotes before the right border',
    bid_price DECIMAL(18, 8) COMMENT 'best bid at the right border, quote currency per base unit',
    bid_size DECIMAL(18, 8) COMMENT 'base units that wait at bid_price',
    ask_price DECIMAL(18, 8) COMMENT 'best ask at the right border',
    ask_size DECIMAL(18, 8) COMMENT 'base units that wait at ask_price',
    mid DOUBLE COMMENT '(bid_price + ask_price) / 2',
    microprice DOUBLE COMMENT '(bid_price * ask_size + ask_price * bid_size) / (bid_size + ask_size)',
    spread_bps DOUBLE COMMENT '(ask_price - bid_price) / mid * 10000',
    bid_depth DECIMAL(38, 8) COMMENT 'base units at the best bid prices of the last depth of quotes',
    ask_depth DECIMAL(38, 8) COMMENT 'the same of asks',
    bid_slope DOUBLE COMMENT 'base units a bp of distance from the mid',
    ask_slope DOUBLE COMMENT 'the same of asks',
    order_flow_imbalance DECIMAL(38, 8) COMMENT 'sum of order_flow of the usable rows of quotes in the bar, base units'
)
