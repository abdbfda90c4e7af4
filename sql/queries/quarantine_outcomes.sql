-- What has become of each line that was read again; outcome is NULL where it is still refused.
-- Grain: file_digest, byte_offset.
SELECT
    line.file_digest,
    line.byte_offset,
    line.edited_text,
    line.is_half_done,
    CASE WHEN read.outcome IN ('good', 'own') THEN 'good' WHEN read.outcome = 'duplicate' THEN 'duplicate' END AS outcome
FROM quarantine_chosen AS line
INNER JOIN ingest_rows AS read ON read.file_index = line.file_index AND read.byte_offset = line.byte_offset
