-- Lines that are still refused, by code and file; the commonest first.
-- Grain: exchange, code, source_file, ingest_run_id.
SELECT
    exchange,
    code,
    source_file,
    run_id AS ingest_run_id,
    count(*) AS n_lines,
    min_by(reason, line_number) AS first_reason
FROM orders__quarantine
WHERE outcome IS NULL
    AND (:code IS NULL OR code = :code)
    AND (:source_file IS NULL OR source_file = :source_file)
    AND (:run_id IS NULL OR run_id = :run_id)
GROUP BY exchange, code, source_file, run_id
ORDER BY n_lines DESC, exchange, code, source_file, run_id
