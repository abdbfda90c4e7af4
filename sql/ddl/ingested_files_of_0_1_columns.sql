-- What version 0.1 of Foretable did not count.
ALTER TABLE ingested_files ADD COLUMNS (
    n_disordered BIGINT COMMENT 'of n_read: events that come after a later one of their symbol and epoch, and are no repetition; their rows are put in order'
)
