-- A trade is written once; only a side that was inferred may change, when an earlier trade came late.
MERGE INTO trades AS held
USING ingest_trades AS new
    ON held.exchange = :exchange AND held.symbol = new.symbol AND held.trade_id = new.trade_id
    AND held.trade_id BETWEEN :first_trade_id AND :last_trade_id
WHEN MATCHED AND new.is_side_inferred AND NOT held.taker_side <=> new.taker_side
    THEN UPDATE SET taker_side = new.taker_side
WHEN NOT MATCHED THEN INSERT (
    exchange, symbol, trade_id, epoch, sequence, trade_time, price, size, taker_side, is_side_inferred
) VALUES (
    :exchange, new.symbol, new.trade_id, new.epoch, new.sequence, new.trade_time, new.price, new.size, new.taker_side,
    new.is_side_inferred
)
