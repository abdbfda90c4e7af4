-- Under which products and epochs the events of the files landed.
-- Grain: ingest_run_id, source_file.
SELECT
    run_id AS ingest_run_id,
    source_file,
    min(symbol) AS first_symbol,
    max(symbol) AS last_symbol,
    min(epoch) AS first_epoch,
    max(epoch) AS last_epoch
FROM orders
WHERE exchange = :exchange AND run_id IN (SELECT ingest_run_id FROM quarantine_files)
GROUP BY run_id, source_file
