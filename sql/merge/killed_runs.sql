-- Runs of a job that ended without a word: the place of the job was free, so none of them goes on.
UPDATE runs SET state = 'killed', message = 'the process ended without a word'
WHERE job = :job AND state = 'running'
