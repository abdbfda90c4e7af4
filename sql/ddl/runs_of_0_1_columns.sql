-- What version 0.1 of Foretable did not record.
ALTER TABLE runs ADD COLUMNS (
    run_number BIGINT COMMENT 'counts the runs of the schema that had something to do; no clock is in it',
    input_files MAP<STRING, STRING> COMMENT 'file that was read to its SHA-256',
    before MAP<STRING, BIGINT> COMMENT 'table to the Delta version that an undo of the run restores',
    timings MAP<STRING, DOUBLE> COMMENT 'table to the seconds that writing it took'
)
