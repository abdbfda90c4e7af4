-- Every setting that CREATE MODEL … OPTIONS (trials = n) has tried.
-- Grain: study, trial.
CREATE VIEW IF NOT EXISTS trials
COMMENT 'One row is a trial of a search; error is the mean squared error, of a classifier the log loss, on rows that its fit did not see, NULL where it was given up'
AS
SELECT inline(from_json(registry_rows('trials'), 'ARRAY<STRUCT<
    model: STRING, study: STRING, trial: INT, options: STRING, error: DOUBLE, is_best: BOOLEAN, state: STRING,
    seconds: DOUBLE
>>'))
