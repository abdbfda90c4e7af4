-- In version 0.1 of Foretable a run was stored when it had ended; now one that is running has no finished_at.
ALTER TABLE runs ALTER COLUMN finished_at DROP NOT NULL
