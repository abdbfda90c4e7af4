-- The holes near the events of the run: new ones, ones that shrank, and stale ones that were filled.
MERGE INTO gaps AS held
USING ingest_gaps AS new
    ON held.exchange = :exchange
    AND held.symbol = new.symbol AND held.epoch = new.epoch AND held.first_missing = new.first_missing
WHEN MATCHED AND new.is_stale THEN DELETE
WHEN MATCHED THEN UPDATE SET
    last_missing = new.last_missing,
    n_missing = new.n_missing,
    last_time_before = new.last_time_before,
    first_time_after = new.first_time_after
WHEN NOT MATCHED THEN INSERT (
    exchange, symbol, epoch, first_missing, last_missing, n_missing, last_time_before, first_time_after
) VALUES (
    :exchange, new.symbol, new.epoch, new.first_missing, new.last_missing, new.n_missing, new.last_time_before,
    new.first_time_after
)
