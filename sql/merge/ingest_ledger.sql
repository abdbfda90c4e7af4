-- Files that were read; the last write of a run.
INSERT INTO ingested_files (
    exchange, file_digest, source_file, format, state, n_bytes, n_read, n_good, n_quarantined, n_duplicate, n_pending,
    unknown_fields, run_id, n_disordered
)
SELECT
    exchange, file_digest, source_file, format, state, n_bytes, n_read, n_good, n_quarantined, n_duplicate, n_pending,
    unknown_fields, run_id, n_disordered
FROM ingest_files
