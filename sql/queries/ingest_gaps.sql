-- Holes between neighbouring events of ingest_near, and the recorded holes of the same stretch that are no more.
-- Grain: symbol, epoch, first_missing.
WITH neighbours AS (
    SELECT
        symbol, epoch, sequence, event_time,
        lead(sequence) OVER numbered AS next_sequence,
        lead(event_time) OVER numbered AS next_time
    FROM ingest_near
    WINDOW numbered AS (PARTITION BY symbol, epoch ORDER BY sequence)
),
holes AS (
    SELECT
        symbol, epoch,
        sequence + 1 AS first_missing,
        next_sequence - 1 AS last_missing,
        next_sequence - sequence - 1 AS n_missing,
        event_time AS last_time_before,
        next_time AS first_time_after,
        false AS is_stale
    FROM neighbours
    WHERE next_sequence > sequence + 1
)
SELECT * FROM holes
UNION ALL
SELECT
    held.symbol, held.epoch, held.first_missing, held.last_missing, held.n_missing, held.last_time_before,
    held.first_time_after,
    true AS is_stale
FROM gaps AS held
INNER JOIN ingest_stretches AS stretch
    ON stretch.symbol = held.symbol AND stretch.epoch = held.epoch
    AND held.first_missing BETWEEN stretch.first_sequence AND stretch.last_sequence
LEFT ANTI JOIN holes
    ON holes.symbol = held.symbol AND holes.epoch = held.epoch AND holes.first_missing = held.first_missing
WHERE held.exchange = :exchange
