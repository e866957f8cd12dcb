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
        row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, last_s DESC, item_id) AS place
    FROM tastes
    WHERE in_table
)
-- A column for each place, which is much quicker than lists that are sorted; with fewer places the rest is cut off.
SELECT
    customer_id,
    array_slice(make_array(
        max(CASE WHEN place = 1 THEN item_id END),
        max(CASE WHEN place = 2 THEN item_id END),
        max(CASE WHEN place = 3 THEN item_id END),
        max(CASE WHEN place = 4 THEN item_id END),
        max(CASE WHEN place = 5 THEN item_id END),
        max(CASE WHEN place = 6 THEN item_id END),
        max(CASE WHEN place = 7 THEN item_id END),
        max(CASE WHEN place = 8 THEN item_id END),
        max(CASE WHEN place = 9 THEN item_id END),
        max(CASE WHEN place = 10 THEN item_id END),
        max(CASE WHEN place = 11 THEN item_id END),
        max(CASE WHEN place = 12 THEN item_id END)
    ), 1, count(*)) AS last_items,
    array_slice(make_array(
        CAST(max(CASE WHEN place = 1 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 2 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 3 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 4 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 5 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 6 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 7 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 8 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 9 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 10 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 11 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 12 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE)
    ), 1, count(*)) AS last_item_weights
FROM ranked AS r
CROSS JOIN params AS p
WHERE place <= p.last_items_max
GROUP BY customer_id
