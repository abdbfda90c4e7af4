-- What a table made before there were replays lacks.
ALTER TABLE orders__quarantine ADD COLUMNS (
    outcome STRING COMMENT 'NULL while the line is refused; good or duplicate since a replay has read it again',
    edited_text STRING COMMENT 'the line as somebody mended it for that replay; NULL where raw_text was read',
    replay_run_id STRING COMMENT 'that replay'
)
