-- tastes: which items a customer buys, one row a pair. An order counts once for an item, however many lines it has; the time is
-- that of the first of these.
-- `early` and `late` are the two sides of the time split on which the item lists are tuned. `fresh` is how recent the
-- orders are: an order of now is 1048576, and halves every 21 days (1814400 s) that lie between; `early_fresh` is the same
-- as it stood at the split. `weight` halves every `half_life_s`, as in `orders`.
WITH pairs AS (
    SELECT customer_id, item_id, ordered_s
    FROM purchases AS l
    WHERE is_goods
      AND NOT EXISTS (SELECT 1 FROM repeated_lines AS r WHERE r.order_id = l.order_id AND r.item_id = l.item_id)
    UNION ALL
    SELECT l.customer_id, l.item_id, min(l.ordered_s) AS ordered_s
    FROM purchases AS l
    JOIN repeated_lines AS r ON r.order_id = l.order_id AND r.item_id = l.item_id
    WHERE l.is_goods
    GROUP BY l.customer_id, l.order_id, l.item_id
),
weighed AS (
    SELECT
        p.customer_id,
        p.item_id,
        p.ordered_s,
        p.ordered_s < q.split_s AS is_early,
        greatest(1, CAST(round(1048576.0 * power(0.5, CAST(q.as_of_s - p.ordered_s AS DOUBLE) / q.half_life_s)) AS BIGINT)) AS weight,
        CAST(round(1048576.0 * power(0.5, CAST(q.split_s - p.ordered_s AS DOUBLE) / 1814400.0)) AS BIGINT) AS early_fresh,
        CAST(round(1048576.0 * power(0.5, CAST(q.as_of_s - p.ordered_s AS DOUBLE) / 1814400.0)) AS BIGINT) AS fresh
    FROM pairs AS p
    CROSS JOIN params AS q
),
sums AS (
    SELECT
        customer_id,
        item_id,
        sum(weight)                                              AS weight,
        max(ordered_s)                                           AS last_s,
        sum(CASE WHEN is_early THEN 1 ELSE 0 END)                AS early_orders,
        sum(CASE WHEN is_early THEN weight ELSE 0 END)           AS early_weight,
        sum(CASE WHEN is_early THEN 0 ELSE 1 END)                AS late_orders,
        sum(CASE WHEN is_early THEN early_fresh ELSE 0 END)      AS early_fresh,
        sum(fresh)                                               AS fresh
    FROM weighed
    GROUP BY customer_id, item_id
)
SELECT
    s.customer_id,
    s.item_id,
    i.category,
    i.in_table,
    s.weight,
    s.last_s,
    s.early_orders,
    s.early_weight,
    s.late_orders,
    s.early_fresh,
    s.fresh
FROM sums AS s
JOIN items AS i ON i.item_id = s.item_id
ORDER BY s.customer_id, s.item_id
