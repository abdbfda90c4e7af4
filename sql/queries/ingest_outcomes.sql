-- What becomes of each event read whose key or content is claimed more than once:
-- good, own (already written by a run that crashed before it was accounted for), duplicate or conflict.
-- What the table holds stays; else the first by order of file and offset. Exact repetitions first, then keys.
-- Grain: file_index, byte_offset.
WITH claims AS (
    SELECT
        symbol, epoch, sequence, event, event_time, order_id, side, order_type, price, size, old_size, remaining_size,
        funds, reason, trade_id, maker_order_id, taker_order_id, snapshot,
        source_file, byte_offset, file_index, false AS is_held, false AS is_orphan
    FROM ingest_suspects
    UNION ALL
    SELECT
        symbol, epoch, sequence, event, event_time, order_id, side, order_type, price, size, old_size, remaining_size,
        funds, reason, trade_id, maker_order_id, taker_order_id, snapshot,
        source_file, byte_offset, -1 AS file_index, true AS is_held, is_orphan
    FROM ingest_held_suspects
),
contents AS (
    SELECT
        *,
        sha2(
            to_json(struct(
                symbol, epoch, if(:is_numbered, sequence, NULL) AS sequence, event,
                unix_micros(event_time) AS event_time,  -- JSON would cut the instant to milliseconds
                order_id, side, order_type, price, size, old_size, remaining_size, funds, reason, trade_id,
                maker_order_id, taker_order_id, snapshot
            )),
            256
        ) AS content
    FROM claims
),
holders AS (
    SELECT
        *,
        max(is_held) OVER same_content AS has_holder,
        max(if(is_held AND is_orphan, source_file, NULL)) OVER same_content AS orphan_file,
        max(if(is_held AND is_orphan, byte_offset, NULL)) OVER same_content AS orphan_offset,
        row_number() OVER (PARTITION BY content, is_held ORDER BY file_index, byte_offset) AS position,
        row_number() OVER (PARTITION BY content, is_held, source_file, byte_offset ORDER BY file_index) AS namesake
    FROM contents
    WINDOW same_content AS (PARTITION BY content)
),
repetitions AS (
    SELECT
        *,
        CASE
            WHEN is_held THEN 'held'
            WHEN source_file = orphan_file AND byte_offset = orphan_offset AND namesake = 1 THEN 'own'
            WHEN has_holder OR position > 1 THEN 'duplicate'
            ELSE 'claim'
        END AS repetition
    FROM holders
),
winners AS (
    SELECT
        *,
        repetition = 'claim' AND 1 < row_number() OVER (
            PARTITION BY symbol, epoch, sequence
            ORDER BY CASE repetition WHEN 'held' THEN 0 WHEN 'own' THEN 1 WHEN 'claim' THEN 2 ELSE 3 END,
                file_index, byte_offset
        ) AS is_conflict
    FROM repetitions
),
outcomes AS (
    SELECT
        file_index, byte_offset, is_held,
        CASE
            WHEN repetition = 'own' THEN 'own'
            WHEN repetition = 'duplicate' AND max(is_conflict) OVER (PARTITION BY content) THEN 'conflict'
            WHEN repetition = 'duplicate' THEN 'duplicate'
            WHEN is_conflict THEN 'conflict'
            ELSE 'good'
        END AS outcome
    FROM winners
)
SELECT file_index, byte_offset, outcome
FROM outcomes
WHERE NOT is_held
