-- Lines that a replay has landed keep their place here with their outcome; one that a killed replay has marked and that
-- is refused now, is refused again. Other refused lines stay as they are.
MERGE INTO orders__quarantine AS held
USING (SELECT * FROM quarantine_outcomes WHERE outcome IS NOT NULL OR is_half_done) AS new
    ON held.exchange = :exchange AND held.file_digest = new.file_digest AND held.byte_offset = new.byte_offset
WHEN MATCHED AND new.outcome IS NOT NULL THEN UPDATE SET
    outcome = new.outcome, edited_text = new.edited_text, replay_run_id = :run_id
WHEN MATCHED THEN UPDATE SET outcome = NULL, edited_text = NULL, replay_run_id = NULL
