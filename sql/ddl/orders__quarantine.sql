-- Refused input rows: nothing that was read disappears without a trace. A line that a replay has landed stays here
-- with its outcome, and with both texts where somebody mended it.
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
    run_id STRING NOT NULL COMMENT 'ingest run that refused the row',
    outcome STRING COMMENT 'NULL while the line is refused; good or duplicate since a replay has read it again',
    edited_text STRING COMMENT 'the line as somebody mended it for that replay; NULL where raw_text was read',
    replay_run_id STRING COMMENT 'that replay'
)
USING delta
COMMENT 'One row is an input line that was refused, with code, reason and place'
