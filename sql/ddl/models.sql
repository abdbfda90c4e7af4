-- The model registry as it is when a query is planned.
-- Grain: model.
CREATE VIEW IF NOT EXISTS models
COMMENT 'One row is a registered model'
AS
SELECT inline(from_json(registry_rows('models'), 'ARRAY<STRUCT<
    model: STRING, champion: INT, newest: INT, family: STRING, task: STRING, label: STRING, is_default: BOOLEAN,
    n_versions: INT, created_at: TIMESTAMP
>>'))
