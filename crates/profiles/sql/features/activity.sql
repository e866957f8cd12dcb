-- activity: how active a customer is of late (visits, browsing, clicks, orders).
-- Points: an order 10, a review or a put in the cart 5, a share or feedback 3, a click, search or interaction 2, a visit or
-- view 1; points halve every 30 days. The score is 100 * points / (points + median of all points), rounded: it never
-- reaches 100, and one more event says less the more there are.
--# requires = []
--# [labels.activity_score]
--# means = "how active a customer is of late, 0 to 100; 50 is the median of those with any activity"
--# type = "unsigned"
--# bits = 7
--# default = 0
WITH pointed AS (
    SELECT
        customer_id,
        day,
        n * CASE
            WHEN kind IN ('review', 'add_cart')              THEN 5
            WHEN kind IN ('share', 'feedback')               THEN 3
            WHEN kind IN ('click', 'search', 'interaction')  THEN 2
            WHEN kind IN ('visit', 'view')                   THEN 1
            ELSE 0
        END AS points
    FROM event_days
    UNION ALL
    SELECT customer_id, ordered_s / 86400 AS day, 10 AS points FROM orders
),
summed AS (
    SELECT
        d.customer_id,
        -- Whole numbers of thousandths, so that sums do not depend on their order.
        sum(d.points * CAST(round(1000.0 * power(0.5, CAST(greatest(0, (p.as_of_s - 1) / 86400 - d.day) AS DOUBLE) / 30.0)) AS BIGINT)) AS points
    FROM pointed AS d
    CROSS JOIN params AS p
    GROUP BY d.customer_id
),
placed AS (
    SELECT
        customer_id,
        points,
        row_number() OVER (ORDER BY points DESC)               AS place,
        sum(CASE WHEN points > 0 THEN 1 ELSE 0 END) OVER ()    AS n
    FROM summed
),
-- The lower one of the middle two, of those with any points: these come first.
middle AS (
    SELECT customer_id, points, coalesce(max(CASE WHEN n > 0 AND place = n / 2 + 1 THEN points END) OVER (), 1) AS median
    FROM placed
)
SELECT
    customer_id,
    -- Rounded half up; both are positive.
    (200 * points + points + median) / (2 * (points + median)) AS activity_score
FROM middle
