-- bought: the sequence of the last items that a customer bought, each once, at its latest place.
--# [labels.last_bought]
--# means = "the last items bought, the latest first; weights fall with the place"
--# type = "top_k"
--# k = 8
--# dictionary = "items"
--# in_table = false
WITH ranked AS (
    SELECT customer_id, item_id, row_number() OVER (PARTITION BY customer_id ORDER BY last_s DESC, item_id) AS place FROM tastes
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
    ), 1, count(*)) AS last_bought,
    array_slice(make_array(
        1.0, 1.0 / 2, 1.0 / 3, 1.0 / 4, 1.0 / 5, 1.0 / 6, 1.0 / 7, 1.0 / 8
    ), 1, count(*)) AS last_bought_weights
FROM ranked
WHERE place <= 8
GROUP BY customer_id
