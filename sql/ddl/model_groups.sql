-- What became of each group of the versions that were trained with a group, as the registry is when a query is planned.
-- Grain: model, version, group_name.
CREATE VIEW IF NOT EXISTS model_groups
COMMENT 'One row is a group of a model version: own where it has a model of its own, else why that of all rows (pooled) answers, and the errors of both'
AS
SELECT inline(from_json(registry_rows('model_groups'), 'ARRAY<STRUCT<
    model: STRING, version: INT, group_name: STRING, status: STRING, n_train: INT, n_validation: INT, n_test: INT,
    metric: STRING, validation_error: DOUBLE, test_error: DOUBLE, pooled_validation_error: DOUBLE,
    pooled_test_error: DOUBLE, half_width: DOUBLE
>>'))
