-- Keys that more than one event claims, among those read and those held.
-- Grain: symbol, epoch, sequence.
SELECT symbol, epoch, sequence
FROM (
    SELECT symbol, epoch, sequence FROM ingest_events
    UNION ALL
    SELECT symbol, epoch, sequence FROM ingest_held
)
GROUP BY symbol, epoch, sequence
HAVING count(*) > 1
