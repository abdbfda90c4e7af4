-- Events that a crashed run wrote become this run's, which accounts for them.
MERGE INTO orders AS held
USING (SELECT symbol, epoch, sequence FROM ingest_rows WHERE outcome = 'own') AS own
    ON held.exchange = :exchange
    AND held.symbol = own.symbol AND held.epoch = own.epoch AND held.sequence = own.sequence
WHEN MATCHED THEN UPDATE SET run_id = :run_id
