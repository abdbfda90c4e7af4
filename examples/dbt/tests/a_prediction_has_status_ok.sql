SELECT *
FROM {{ ref('scored_bars') }}
WHERE (status = 'OK') <> (prediction IS NOT NULL)
