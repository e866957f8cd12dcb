-- orders: one row an order of a customer.
WITH more AS (
    -- Lines of goods beyond the first of each item: few orders have any.
    SELECT customer_id, order_id, sum(n - 1) AS n
    FROM (
        SELECT l.customer_id, l.order_id, l.item_id, count(*) AS n
        FROM purchases AS l
        JOIN repeated_lines AS r ON r.order_id = l.order_id AND r.item_id = l.item_id
        WHERE l.is_goods
        GROUP BY l.customer_id, l.order_id, l.item_id
    )
    GROUP BY customer_id, order_id
),
sums AS (
    SELECT
        customer_id,
        order_id,
        min(ordered_s)                             AS ordered_s,
        sum(amount_minor)                          AS amount_minor,
        sum(CASE WHEN is_goods THEN 1 ELSE 0 END)  AS n_goods_lines,
        -- What the lines with a known list price would have cost, and what was paid for these.
        sum(list_minor)                            AS list_minor,
        sum(CASE WHEN list_minor IS NOT NULL THEN amount_minor END) AS listed_amount_minor,
        min(country)                               AS country,
        min(channel)                               AS channel
    FROM purchases
    GROUP BY customer_id, order_id
),
grouped AS (
    SELECT
        s.customer_id,
        s.order_id,
        s.ordered_s,
        s.amount_minor,
        s.n_goods_lines - coalesce(m.n, 0)         AS n_items,
        s.list_minor,
        s.listed_amount_minor,
        s.country,
        s.channel
    FROM sums AS s
    LEFT JOIN more AS m ON m.customer_id = s.customer_id AND m.order_id = s.order_id
)
SELECT
    g.*,
    -- How much the order counts for habits and tastes: halves every `half_life_s`. A whole number, so that sums do not
    -- depend on their order.
    greatest(1, CAST(round(1048576.0 * power(0.5, CAST(p.as_of_s - g.ordered_s AS DOUBLE) / p.half_life_s)) AS BIGINT)) AS weight,
    -- 1970-01-01 was a Thursday: 0 is Monday, 6 is Sunday.
    (g.ordered_s / 86400 + 3) % 7   AS weekday,
    (g.ordered_s % 86400) / 3600    AS hour
FROM grouped AS g
CROSS JOIN params AS p
