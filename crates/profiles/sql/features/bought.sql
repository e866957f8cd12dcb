-- bought: the sequence of the last items that a customer bought, each once, at its latest place.
--# [labels.last_bought]
--# means = "the last items bought, the latest first; weights fall with the place"
--# type = "top_k"
--# k = 8
--# dictionary = "items"
--# in_table = false
WITH latest AS (
    SELECT customer_id, item_id, max(ordered_s) AS last_s FROM purchases WHERE is_goods GROUP BY customer_id, item_id
),
ranked AS (
    SELECT customer_id, item_id, row_number() OVER (PARTITION BY customer_id ORDER BY last_s DESC, item_id) AS place FROM latest
)
SELECT
    customer_id,
    array_agg(item_id ORDER BY place)                    AS last_bought,
    array_agg(1.0 / CAST(place AS DOUBLE) ORDER BY place) AS last_bought_weights
FROM ranked
WHERE place <= 8
GROUP BY customer_id
