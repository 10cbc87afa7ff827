-- Events of people, with whom each belongs to. An event is its user's; without one, of the only user
-- that its visitor ever had, else of the visitor: what was done on a device of several users, while
-- none of them was signed in, stays the visitor's.
WITH seen AS (
    SELECT
        {text(event_id)} AS id,
        event,
        type,
        {ms(timestamp)} AS ms,
        {day(timestamp)} AS day,
        NULLIF(anonymous_id, '') AS visitor,
        NULLIF(user_id, '') AS named,
        NULLIF(session_id, '') AS session,
        NULLIF(path, '') AS page_path,
        NULLIF(channel, '') AS session_channel,
        NULLIF(utm_source, '') AS source,
        NULLIF(utm_medium, '') AS medium,
        NULLIF(utm_campaign, '') AS campaign,
        properties
    FROM {events}
    WHERE (bot IS NULL OR bot = '') AND event <> 'Request'
),
owned AS (
    SELECT
        id, event, type, ms, day, session, page_path, session_channel, source, medium, campaign,
        properties,
        CASE
            WHEN named IS NOT NULL THEN named
            WHEN visitor IS NULL THEN NULL
            WHEN MIN(named) OVER (PARTITION BY visitor) = MAX(named) OVER (PARTITION BY visitor)
                THEN MIN(named) OVER (PARTITION BY visitor)
            ELSE visitor
        END AS person
    FROM seen
),
