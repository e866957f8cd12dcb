-- cycle: how regularly a customer orders. Several orders on one day are one.
-- Of an even number of gaps the lower one of the middle two is the median.
--# [labels.cycle_days]
--# means = "median days between the days with orders; missing with orders on one day only"
--# type = "unsigned"
--# bits = 10
--# nullable = true
--# unit = "days"
--# [labels.next_order_days]
--# means = "days until the next order is due by the median cycle; 0 when it is due or overdue"
--# type = "unsigned"
--# bits = 9
--# nullable = true
--# unit = "days"
--# [labels.overdue_ratio]
--# means = "days since the last order, as a multiple of the median cycle"
--# type = "linear"
--# bits = 6
--# max = 6.2
--# nullable = true
--# in_table = false
WITH days AS (
    SELECT DISTINCT customer_id, ordered_s / 86400 AS day FROM orders
),
gaps AS (
    SELECT customer_id, day, day - lag(day) OVER (PARTITION BY customer_id ORDER BY day) AS gap FROM days
),
ranked AS (
    SELECT
        customer_id,
        gap,
        row_number() OVER (PARTITION BY customer_id ORDER BY gap) AS place,
        count(*) OVER (PARTITION BY customer_id)                  AS n
    FROM gaps
    WHERE gap IS NOT NULL
)
SELECT
    r.customer_id,
    r.gap                                                                        AS cycle_days,
    greatest(0, c.last_s / 86400 + r.gap - p.as_of_s / 86400)                     AS next_order_days,
    CAST(p.as_of_s / 86400 - c.last_s / 86400 AS DOUBLE) / CAST(r.gap AS DOUBLE)  AS overdue_ratio
FROM ranked AS r
JOIN customers AS c ON c.customer_id = r.customer_id
CROSS JOIN params AS p
WHERE r.place = (r.n + 1) / 2
