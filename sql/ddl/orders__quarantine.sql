-- Refused input rows: nothing that was read disappears without a trace.
-- Grain: file_digest, byte_offset.
CREATE TABLE IF NOT EXISTS orders__quarantine (
    exchange STRING NOT NULL COMMENT 'venue named by the source',
    code STRING NOT NULL COMMENT 'what is wrong, for example MISSING_FIELD; jobs/ingest_codes.py lists all',
    reason STRING NOT NULL COMMENT 'one sentence with the field and the remedy',
    source_file STRING NOT NULL COMMENT 'name of the file',
    file_digest STRING NOT NULL COMMENT 'SHA-256 of the file as it was read',
    line_number BIGINT NOT NULL COMMENT 'line in the file, from 1',
    byte_offset BIGINT NOT NULL COMMENT 'offset of the line in the uncompressed file',
    raw_text STRING NOT NULL COMMENT 'the line; bytes that are not UTF-8 as \\xNN',
    run_id STRING NOT NULL COMMENT 'ingest run that refused the row'
)
USING delta
COMMENT 'One row is an input line that was refused, with code, reason and place'
