-- viewed: the sequence of the last items that a visitor viewed, clicked or put in the cart, each once, at its latest place.
--# requires = ["events"]
--# [labels.last_viewed]
--# means = "the last items viewed, the latest first; weights fall with the place"
--# type = "top_k"
--# k = 8
--# dictionary = "items"
WITH latest AS (
    SELECT customer_id, item_id, max(last_s) AS last_s
    FROM event_items
    WHERE item_id IS NOT NULL AND kind IN ('view', 'click', 'add_cart')
    GROUP BY customer_id, item_id
),
ranked AS (
    SELECT customer_id, item_id, row_number() OVER (PARTITION BY customer_id ORDER BY last_s DESC, item_id) AS place FROM latest
)
SELECT
    customer_id,
    array_agg(item_id ORDER BY place)                    AS last_viewed,
    array_agg(1.0 / CAST(place AS DOUBLE) ORDER BY place) AS last_viewed_weights
FROM ranked
WHERE place <= 8
GROUP BY customer_id
