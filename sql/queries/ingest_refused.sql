-- Refused lines with their file.
-- Grain: file_digest, byte_offset.
SELECT
    files.file_digest,
    files.source_file,
    line.line_number,
    line.byte_offset,
    coalesce(line.code, 'KEY_CONFLICT') AS code,
    coalesce(
        line.refusal_reason,
        concat('sequence ', line.sequence, ' of ', line.symbol, ': ', :conflict_reason)
    ) AS reason,
    line.raw_text
FROM ingest_rows AS line
INNER JOIN ingest_digests AS files ON files.file_index = line.file_index
WHERE line.outcome IN ('refused', 'conflict')
