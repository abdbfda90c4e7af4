-- Codes of the refused lines, commonest first, each with its first place.
-- Grain: code.
SELECT
    code,
    count(*) AS n_lines,
    min_by(concat(source_file, ':', line_number), struct(source_file, line_number)) AS place,
    min_by(reason, struct(source_file, line_number)) AS reason
FROM ingest_refused
GROUP BY code
ORDER BY n_lines DESC, code
