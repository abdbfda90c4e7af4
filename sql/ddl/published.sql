-- A table as its last finished run has published it: nothing of a run that is going on, was killed or failed.
-- Grain: as the table.
CREATE VIEW IF NOT EXISTS IDENTIFIER(:view)
COMMENT 'The table of this name as of the last run that ended well'
WITH SCHEMA EVOLUTION
AS
SELECT * FROM IDENTIFIER(:table)
