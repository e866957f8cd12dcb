-- lifecycle: where a customer stands between the first visit and the last order.
-- `expected` is the usual time between orders: the customer's own, or else the median of the shop, or else 90 days; at
-- least 7 days. A customer with one order in the last 30 days is new; others are active up to 1.5 times `expected` after
-- the last order, cooling up to 3 times, dormant up to 6 times, and lost after that.
--# requires = []
--# [labels.lifecycle]
--# means = "where a customer stands: visitor (never bought), new, active, cooling, dormant, lost"
--# type = "category"
--# values = ["visitor", "new", "active", "cooling", "dormant", "lost"]
WITH ranked AS (
    SELECT gap_days, row_number() OVER (ORDER BY gap_days) AS place, count(*) OVER () AS n
    FROM customers
    WHERE gap_days IS NOT NULL
),
shop AS (
    SELECT max(gap_days) AS gap_days FROM ranked WHERE place = (n + 1) / 2
),
measured AS (
    SELECT
        w.customer_id,
        c.frequency,
        c.tenure_days,
        CAST(c.recency_days AS DOUBLE) / greatest(7.0, coalesce(c.gap_days, s.gap_days, 90.0)) AS late
    FROM people AS w
    LEFT JOIN customers AS c ON c.customer_id = w.customer_id
    CROSS JOIN shop AS s
)
SELECT
    customer_id,
    CASE
        WHEN frequency IS NULL                      THEN 'visitor'
        WHEN frequency = 1 AND tenure_days <= 30    THEN 'new'
        WHEN late <= 1.5                            THEN 'active'
        WHEN late <= 3.0                            THEN 'cooling'
        WHEN late <= 6.0                            THEN 'dormant'
        ELSE 'lost'
    END AS lifecycle
FROM measured
