-- Funnel: how many people took these steps in this order, each later than the one before it, and all
-- of them within the time allowed since the first. Every first step is tried, not only a person's
-- earliest. From the last step to the first: at_N is when step N is reached soonest from a row's own
-- step on.
{people}
{steps},
taken AS (
{counts}
)
SELECT
    step,
    event,
    people,
    {double(people)} / NULLIF(MAX(people) OVER (), 0) AS share
FROM taken
ORDER BY step
