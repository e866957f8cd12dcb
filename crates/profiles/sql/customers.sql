-- customers: what is counted and summed, one row a customer.
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
goods AS (
    SELECT customer_id, count(DISTINCT item_id) AS n_items
    FROM purchases
    WHERE is_goods
    GROUP BY customer_id
),
-- The country of the latest order that has one.
countries AS (
    SELECT customer_id, country, row_number() OVER (PARTITION BY customer_id ORDER BY ordered_s DESC, order_id DESC) AS place
    FROM orders
    WHERE country IS NOT NULL
)
SELECT
    s.customer_id,
    s.first_s,
    s.last_s,
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
LEFT JOIN goods AS g ON g.customer_id = s.customer_id
LEFT JOIN countries AS c ON c.customer_id = s.customer_id AND c.place = 1
CROSS JOIN params AS p
