-- The model registry as it is when a query is planned.
-- Grain: model, version.
CREATE VIEW IF NOT EXISTS model_versions
COMMENT 'One row is a version of a model, with its errors: root mean squared error, of a classifier log loss'
AS
SELECT inline(from_json(registry_rows('model_versions'), 'ARRAY<STRUCT<
    model: STRING, version: INT, aliases: STRING, family: STRING, task: STRING, label: STRING, label_type: STRING,
    horizon_seconds: INT, sequence_length: INT, n_features: INT, validation_error: DOUBLE, test_error: DOUBLE,
    digest: STRING, created_at: TIMESTAMP
>>'))
