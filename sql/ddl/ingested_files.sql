-- File ledger: a file is read once.
-- Grain: exchange, file_digest; besides it a row of zeros in state replayed for each replay of its refused lines, whose
-- run_id says that the row of the file counts them by what they have become.
CREATE TABLE IF NOT EXISTS ingested_files (
    exchange STRING NOT NULL COMMENT 'venue named by the source',
    file_digest STRING NOT NULL COMMENT 'SHA-256 of the bytes on disk',
    source_file STRING NOT NULL COMMENT 'name of the file',
    format STRING NOT NULL COMMENT 'how the file is written, as in foretable ingest --format',
    state STRING NOT NULL COMMENT 'complete, truncated (ends in the middle of a line or gzip stream), corrupt (bytes that do not decompress), empty or replayed',
    n_bytes BIGINT NOT NULL COMMENT 'bytes on disk',
    n_read BIGINT NOT NULL COMMENT 'lines read = n_good + n_quarantined + n_duplicate + n_pending',
    n_good BIGINT NOT NULL COMMENT 'lines that became rows of orders',
    n_quarantined BIGINT NOT NULL COMMENT 'lines refused',
    n_duplicate BIGINT NOT NULL COMMENT 'exact repetitions of a row already held',
    n_pending BIGINT NOT NULL COMMENT 'last line still incomplete, 0 or 1: read again when the file has grown',
    unknown_fields ARRAY<STRING> NOT NULL COMMENT 'JSON fields that the reader does not know; the rows were accepted',
    run_id STRING NOT NULL COMMENT 'ingest run; where replayed, the replay',
    n_disordered BIGINT COMMENT 'of n_read: events that come after a later one of their symbol and epoch, and are no repetition; their rows are put in order'
)
USING delta
COMMENT 'One row is a file that was read, with digest and row accounting'
TBLPROPERTIES (delta.dataSkippingNumIndexedCols = 0) -- few files: to read their statistics costs more than it saves
