-- last_items: the items that a customer buys most, the more recently the more it counts; see top_categories.
--# always = true
--# [labels.last_items]
--# means = "items bought most, the more recently the more it counts"
--# type = "top_k"
--# k = 12
--# dictionary = "items"
WITH ranked AS (
    SELECT
        customer_id,
        item_id,
        weight,
        max(weight) OVER (PARTITION BY customer_id) AS weight_max,
        row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, last_s DESC, item_id) AS place
    FROM tastes
    WHERE in_table
)
SELECT
    r.customer_id,
    array_agg(r.item_id ORDER BY r.place)                                                  AS last_items,
    array_agg(CAST(r.weight AS DOUBLE) / CAST(r.weight_max AS DOUBLE) ORDER BY r.place)    AS last_item_weights
FROM ranked AS r
CROSS JOIN params AS p
WHERE r.place <= p.last_items_max
GROUP BY r.customer_id
