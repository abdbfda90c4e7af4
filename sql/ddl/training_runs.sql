-- The model registry as it is when a query is planned.
-- Grain: model, version, split, metric.
CREATE VIEW IF NOT EXISTS training_runs
COMMENT 'One row is a metric of one part of the rows of a training run'
AS
SELECT inline(from_json(registry_rows('training_runs'), 'ARRAY<STRUCT<
    model: STRING, version: INT, run_id: STRING, family: STRING, options: STRING, data_versions: STRING, split: STRING,
    metric: STRING, value: DOUBLE, created_at: TIMESTAMP
>>'))
