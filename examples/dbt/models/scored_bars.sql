-- One row is a bar with its prediction; a run scores only bars that the table lacks, so it is safe to run again.
{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key=['exchange', 'symbol', 'bar_seconds', 'bar_start']
) }}
SELECT
    exchange,
    symbol,
    bar_seconds,
    bar_start,
    available_at,
    predict('{{ var("model") }}', features) AS prediction,
    predict_detail('{{ var("model") }}', features).status AS status,
    predict_detail('{{ var("model") }}', features).version AS version
FROM {{ source('foretable', 'features') }} AS new_bars
{% if is_incremental() %}
WHERE NOT EXISTS (
    SELECT 1
    FROM {{ this }} AS scored
    WHERE scored.exchange = new_bars.exchange
        AND scored.symbol = new_bars.symbol
        AND scored.bar_seconds = new_bars.bar_seconds
        AND scored.bar_start = new_bars.bar_start
)
{% endif %}
