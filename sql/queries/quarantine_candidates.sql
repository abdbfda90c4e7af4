-- Lines to read again: those chosen among the refused ones, and those that a killed replay has marked without the
-- ledger accounting for them. A line of which not all bytes were kept is whole only where somebody has mended it.
-- Grain: exchange, file_digest, byte_offset.
SELECT
    held.exchange,
    files.format,
    held.source_file,
    held.file_digest,
    held.run_id AS ingest_run_id,
    held.line_number,
    held.byte_offset,
    coalesce(edited.raw_text, held.edited_text, held.raw_text) AS raw_text,
    coalesce(edited.raw_text, held.edited_text) AS edited_text,
    held.outcome IS NOT NULL AS is_half_done,
    coalesce(edited.raw_text, held.edited_text) IS NOT NULL
    OR (held.code NOT IN ('NOT_UTF8', 'NUL_BYTE', 'LINE_TOO_LONG') AND octet_length(held.raw_text) < :n_bytes_kept)
        AS is_whole
FROM orders__quarantine AS held
INNER JOIN ingested_files AS files
    ON files.exchange = held.exchange AND files.file_digest = held.file_digest AND files.state <> 'replayed'
LEFT JOIN quarantine_edits AS edited
    ON edited.file_digest = held.file_digest AND edited.byte_offset = held.byte_offset
LEFT ANTI JOIN ingested_files AS accounted
    ON accounted.exchange = held.exchange AND accounted.file_digest = held.file_digest
    AND accounted.run_id = held.replay_run_id
WHERE held.outcome IS NOT NULL
    OR (
        (edited.raw_text IS NOT NULL OR NOT :is_edited)
        AND (:code IS NULL OR held.code = :code)
        AND (:source_file IS NULL OR held.source_file = :source_file)
        AND (:run_id IS NULL OR held.run_id = :run_id)
    )
