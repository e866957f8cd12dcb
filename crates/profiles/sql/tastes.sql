-- tastes: which items a customer buys, one row a pair. An order counts once for an item, however many lines it has.
-- `early` and `late` are the two sides of the time split on which the item lists are tuned. `fresh` is how recent the
-- orders are: an order of now is 1048576, and halves every 21 days (1814400 s) that lie between; `early_fresh` is the same
-- as it stood at the split.
WITH pairs AS (
    SELECT DISTINCT customer_id, order_id, item_id
    FROM purchases
    WHERE is_goods
)
SELECT
    p.customer_id,
    p.item_id,
    i.category,
    i.in_table,
    sum(o.weight)                                                            AS weight,
    max(o.ordered_s)                                                         AS last_s,
    sum(CASE WHEN o.ordered_s < q.split_s THEN 1 ELSE 0 END)                 AS early_orders,
    sum(CASE WHEN o.ordered_s < q.split_s THEN o.weight ELSE 0 END)          AS early_weight,
    sum(CASE WHEN o.ordered_s < q.split_s THEN 0 ELSE 1 END)                 AS late_orders,
    sum(CASE WHEN o.ordered_s < q.split_s
             THEN CAST(round(1048576.0 * power(0.5, CAST(q.split_s - o.ordered_s AS DOUBLE) / 1814400.0)) AS BIGINT)
             ELSE 0 END)                                                         AS early_fresh,
    sum(CAST(round(1048576.0 * power(0.5, CAST(q.as_of_s - o.ordered_s AS DOUBLE) / 1814400.0)) AS BIGINT)) AS fresh
FROM pairs AS p
JOIN orders AS o ON o.customer_id = p.customer_id AND o.order_id = p.order_id
JOIN items AS i ON i.item_id = p.item_id
CROSS JOIN params AS q
GROUP BY p.customer_id, p.item_id, i.category, i.in_table
ORDER BY p.customer_id, p.item_id
