-- What became of the lines of each file.
-- Grain: file_index.
SELECT
    file_index,
    count_if(outcome IN ('good', 'own')) AS n_good,
    count_if(outcome IN ('refused', 'conflict')) AS n_quarantined,
    count_if(outcome = 'duplicate') AS n_duplicate,
    count_if(outcome = 'own') AS n_own
FROM ingest_rows
GROUP BY file_index
