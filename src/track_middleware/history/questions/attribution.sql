-- Attribution: which sessions conversions are owed to, and their value. "first": the earliest session
-- of the person within the time looked back; "last": the latest that was not direct, else the latest.
{people}
{visits},
converted AS (
    SELECT id, person, ms, {amount(properties)} AS value
    FROM owned
    WHERE event = {conversion}
),
paired AS (
    SELECT
        converted.id AS id,
        visits.channel AS channel,
        visits.source AS source,
        visits.medium AS medium,
        visits.campaign AS campaign,
        ROW_NUMBER() OVER (
            PARTITION BY converted.id ORDER BY visits.began, {plain(visits.session)}
        ) AS from_first,
        ROW_NUMBER() OVER (
            PARTITION BY converted.id
            ORDER BY
                CASE WHEN COALESCE(visits.channel, 'Direct') = 'Direct' THEN 1 ELSE 0 END,
                visits.began DESC, {plain(visits.session)} DESC
        ) AS from_last
    FROM converted JOIN visits ON visits.person = converted.person
    WHERE visits.began <= converted.ms AND visits.began >= converted.ms - {lookback}
),
owed AS (
    SELECT 'first' AS model, id, channel, source, medium, campaign FROM paired WHERE from_first = 1
    UNION ALL
    SELECT 'last' AS model, id, channel, source, medium, campaign FROM paired WHERE from_last = 1
),
models AS (
    SELECT 'first' AS model, id, value FROM converted
    UNION ALL
    SELECT 'last' AS model, id, value FROM converted
)
SELECT
    models.model AS model,
    owed.channel AS channel,
    owed.source AS source,
    owed.medium AS medium,
    owed.campaign AS campaign,
    COUNT(*) AS conversions,
    SUM(models.value) AS value
FROM models LEFT JOIN owed ON owed.model = models.model AND owed.id = models.id
GROUP BY models.model, owed.channel, owed.source, owed.medium, owed.campaign
ORDER BY model, conversions DESC, channel, source, medium, campaign
