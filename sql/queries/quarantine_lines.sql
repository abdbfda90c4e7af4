-- Lines that are still refused, in the order of their files.
-- Grain: exchange, file_digest, byte_offset.
SELECT exchange, source_file, line_number, code, reason, raw_text, file_digest, byte_offset
FROM orders__quarantine
WHERE outcome IS NULL
    AND (:code IS NULL OR code = :code)
    AND (:source_file IS NULL OR source_file = :source_file)
    AND (:run_id IS NULL OR run_id = :run_id)
ORDER BY exchange, source_file, file_digest, byte_offset
LIMIT :n_lines
