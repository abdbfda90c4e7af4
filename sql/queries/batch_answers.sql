-- Rows of a batch with the answer of a model; a row that could not be read is not asked.
-- Grain: a row of the input.
SELECT
    given,
    refusal,
    CASE WHEN refusal IS NULL THEN predict_detail(:model, input) END AS detail
FROM IDENTIFIER(:rows)
