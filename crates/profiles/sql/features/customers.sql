-- customers: what is counted and summed, one row a customer.
--# always = true
--# [labels.recency_days]
--# means = "whole days from the last order to the time that the build looks back from"
--# type = "unsigned"
--# bits = 12
--# unit = "days"
--# [labels.frequency]
--# means = "orders"
--# type = "unsigned"
--# bits = 12
--# [labels.monetary_minor]
--# means = "money spent"
--# type = "log"
--# bits = 12
--# zero = 1.0
--# step = 0.006
--# unit = "minor units"
--# [labels.aov_minor]
--# means = "money per order"
--# type = "log"
--# bits = 12
--# zero = 1.0
--# step = 0.006
--# unit = "minor units"
--# [labels.tenure_days]
--# means = "whole days from the first order to the time that the build looks back from"
--# type = "unsigned"
--# bits = 12
--# unit = "days"
--# [labels.gap_days]
--# means = "mean days between orders; missing with one order"
--# type = "log"
--# bits = 10
--# zero = 0.1
--# step = 0.01
--# nullable = true
--# unit = "days"
--# [labels.basket_items]
--# means = "mean number of different goods an order"
--# type = "log"
--# bits = 10
--# zero = 1.0
--# step = 0.008
--# [labels.n_items]
--# means = "different goods bought"
--# type = "unsigned"
--# bits = 12
--# [labels.is_repeat]
--# means = "more than one order"
--# type = "bool"
--# [labels.country]
--# means = "country of the latest order that has one"
--# type = "category"
--# dictionary = "countries"
--# values_max = 254
--# nullable = true
--# [labels.weekend_share]
--# means = "share of orders on Saturday and Sunday"
--# type = "linear"
--# bits = 5
--# max = 1.0
--# [labels.first_order_at]
--# means = "time of the first order"
--# type = "time"
--# [labels.last_order_at]
--# means = "time of the last order"
--# type = "time"
WITH sums AS (
    SELECT
        customer_id,
        count(*)           AS frequency,
        sum(amount_minor)  AS monetary_minor,
        sum(n_items)       AS order_items,
        min(ordered_s)     AS first_s,
        max(ordered_s)     AS last_s,
        sum(CASE WHEN weekday >= 5 THEN 1 ELSE 0 END) AS weekend_orders
    FROM orders
    GROUP BY customer_id
),
different_goods AS (
    SELECT customer_id, count(*) AS n_items FROM tastes GROUP BY customer_id
),
-- The country of the latest order that has one.
countries AS (
    SELECT customer_id, first_value(country ORDER BY ordered_s DESC, order_id DESC) AS country
    FROM orders
    WHERE country IS NOT NULL
    GROUP BY customer_id
)
SELECT
    s.customer_id,
    s.first_s,
    s.last_s,
    to_timestamp_seconds(s.first_s)  AS first_order_at,
    to_timestamp_seconds(s.last_s)   AS last_order_at,
    (p.as_of_s - s.last_s) / 86400   AS recency_days,
    (p.as_of_s - s.first_s) / 86400  AS tenure_days,
    s.frequency,
    s.frequency > 1                  AS is_repeat,
    s.monetary_minor,
    -- Rounded half up; both are positive.
    (2 * s.monetary_minor + s.frequency) / (2 * s.frequency) AS aov_minor,
    CASE WHEN s.frequency > 1
         THEN CAST(s.last_s - s.first_s AS DOUBLE) / 86400.0 / CAST(s.frequency - 1 AS DOUBLE) END AS gap_days,
    CAST(s.order_items AS DOUBLE) / CAST(s.frequency AS DOUBLE)    AS basket_items,
    coalesce(g.n_items, 0)                                         AS n_items,
    CAST(s.weekend_orders AS DOUBLE) / CAST(s.frequency AS DOUBLE) AS weekend_share,
    c.country
FROM sums AS s
LEFT JOIN different_goods AS g ON g.customer_id = s.customer_id
LEFT JOIN countries AS c ON c.customer_id = s.customer_id
CROSS JOIN params AS p
