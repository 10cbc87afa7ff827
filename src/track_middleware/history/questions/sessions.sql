-- Sessions: one row each.
{people}
{visits}
SELECT
    day,
    session AS session_id,
    person,
    {seconds(ended - began)} AS seconds,
    views,
    events,
    landing_page,
    exit_page,
    channel,
    source,
    medium,
    campaign
FROM visits
ORDER BY day, {plain(session)}
