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
        max(CASE WHEN place = 8 THEN item_id END)
    ), 1, count(*)) AS last_viewed,
    array_slice(make_array(
        1.0, 1.0 / 2, 1.0 / 3, 1.0 / 4, 1.0 / 5, 1.0 / 6, 1.0 / 7, 1.0 / 8
    ), 1, count(*)) AS last_viewed_weights
FROM ranked
WHERE place <= 8
GROUP BY customer_id
