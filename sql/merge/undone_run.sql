-- A run whose tables were restored to what they held before it.
UPDATE runs SET state = 'undone' WHERE run_id = :run_id
