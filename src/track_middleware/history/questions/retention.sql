-- Retention: of the people first seen in a period, how many came back so many periods later.
{people}
active AS (
    SELECT DISTINCT person, {period} AS period
    FROM owned
    WHERE person IS NOT NULL AND type IN ('page', 'screen', 'track')
),
followed AS (
    SELECT person, period, MIN(period) OVER (PARTITION BY person) AS cohort
    FROM active
),
returned AS (
    SELECT cohort, {whole((period - cohort) / {days})} AS later, COUNT(*) AS people
    FROM followed
    GROUP BY cohort, {whole((period - cohort) / {days})}
)
SELECT
    cohort,
    later,
    people,
    {double(people)} / MAX(people) OVER (PARTITION BY cohort) AS share
FROM returned
ORDER BY cohort, later
