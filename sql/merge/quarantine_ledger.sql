-- The row of a file counts its replayed lines by what they have become, and a row of zeros says which replay that was:
-- one commit, so that a line is never accounted for twice.
MERGE INTO ingested_files AS held
USING (
    SELECT *, explode(array(true, false)) AS is_of_file FROM quarantine_accounts
) AS new
    ON held.exchange = :exchange AND held.file_digest = new.file_digest AND held.state <> 'replayed' AND new.is_of_file
WHEN MATCHED THEN UPDATE SET
    n_good = held.n_good + new.n_good,
    n_quarantined = held.n_quarantined - new.n_good - new.n_duplicate,
    n_duplicate = held.n_duplicate + new.n_duplicate
WHEN NOT MATCHED AND NOT new.is_of_file THEN INSERT (
    exchange, file_digest, source_file, format, state, n_bytes, n_read, n_good, n_quarantined, n_duplicate, n_pending,
    unknown_fields, run_id
) VALUES (
    :exchange, new.file_digest, new.source_file, :format, 'replayed', 0, 0, 0, 0, 0, 0, array(), :run_id
)
