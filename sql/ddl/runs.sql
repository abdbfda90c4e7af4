-- Job runs with row accounting and the versions they read and wrote.
-- Grain: run_id.
CREATE TABLE IF NOT EXISTS runs (
    run_id STRING NOT NULL COMMENT 'job, UTC start and a random part',
    run_number BIGINT COMMENT 'counts the runs of the schema that had something to do; no clock is in it',
    job STRING NOT NULL COMMENT 'ingest, resample, normalize, train, score, sql, batch_predict, replay, maintain or undo',
    target STRING NOT NULL COMMENT 'what the run worked on, for example resample of 60 s bars',
    state STRING NOT NULL COMMENT 'running, done, failed, cancelled, killed (ended without a word) or undone',
    started_at TIMESTAMP NOT NULL COMMENT 'UTC instant',
    finished_at TIMESTAMP COMMENT 'UTC instant; NULL while running and of a killed run',
    inputs MAP<STRING, BIGINT> NOT NULL COMMENT 'table to Delta version that was read',
    input_files MAP<STRING, STRING> COMMENT 'file that was read to its SHA-256',
    outputs MAP<STRING, BIGINT> NOT NULL COMMENT 'table to the Delta version that the run published',
    before MAP<STRING, BIGINT> COMMENT 'table to the Delta version that an undo of the run restores',
    timings MAP<STRING, DOUBLE> COMMENT 'table to the seconds that writing it took',
    n_read BIGINT COMMENT 'ingest: lines read = n_good + n_quarantined + n_duplicate + n_pending',
    n_good BIGINT COMMENT 'ingest: rows that landed; other jobs: rows written',
    n_quarantined BIGINT COMMENT 'ingest: lines refused',
    n_duplicate BIGINT COMMENT 'ingest: exact repetitions dropped',
    n_pending BIGINT COMMENT 'ingest: incomplete last lines',
    config_digest STRING NOT NULL COMMENT 'SHA-256 of the settings that shape the result',
    code_version STRING NOT NULL COMMENT 'version of Foretable',
    message STRING COMMENT 'of a failed run: what went wrong'
)
USING delta
COMMENT 'One row is a run of a job'
TBLPROPERTIES (delta.dataSkippingNumIndexedCols = 0) -- few files: to read their statistics costs more than it saves
