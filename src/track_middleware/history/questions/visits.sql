-- Sessions: whose each is (its last event's person), and what its first event says of its origin.
placed AS (
    SELECT
        session, person, ms, day, event, type, page_path, session_channel, source, medium, campaign,
        ROW_NUMBER() OVER (PARTITION BY session ORDER BY ms, id) AS from_start,
        ROW_NUMBER() OVER (PARTITION BY session ORDER BY ms DESC, id DESC) AS from_end,
        ROW_NUMBER() OVER (PARTITION BY session, type ORDER BY ms, id) AS of_type,
        ROW_NUMBER() OVER (PARTITION BY session, type ORDER BY ms DESC, id DESC) AS of_type_from_end
    FROM owned
    WHERE session IS NOT NULL
),
visits AS (
    SELECT
        placed.session AS session,
        MAX(CASE WHEN placed.from_end = 1 THEN placed.person END) AS person,
        MIN(placed.ms) AS began,
        MAX(placed.ms) AS ended,
        MAX(CASE WHEN placed.from_start = 1 THEN placed.day END) AS day,
        SUM(CASE WHEN placed.type = 'page' THEN 1 ELSE 0 END) AS views,
        COUNT(*) AS events,
        MAX(
            CASE WHEN placed.type = 'page' AND placed.of_type = 1 THEN placed.page_path END
        ) AS landing_page,
        MAX(
            CASE WHEN placed.type = 'page' AND placed.of_type_from_end = 1 THEN placed.page_path END
        ) AS exit_page,
        MAX(CASE WHEN placed.from_start = 1 THEN placed.session_channel END) AS channel,
        MAX(CASE WHEN placed.from_start = 1 THEN placed.source END) AS source,
        MAX(CASE WHEN placed.from_start = 1 THEN placed.medium END) AS medium,
        MAX(CASE WHEN placed.from_start = 1 THEN placed.campaign END) AS campaign
    FROM placed
    GROUP BY placed.session
)
