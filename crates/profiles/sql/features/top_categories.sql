-- top_categories: the categories that a customer buys from most, the more recently the more it counts.
-- The weight is relative to the customer's strongest category, so it lies above 0 and reaches 1.
--# always = true
--# [labels.top_categories]
--# means = "categories bought from most, the more recently the more it counts"
--# type = "top_k"
--# k = 5
--# dictionary = "categories"
--# from = "items.category"
--# values_max = 255
WITH summed AS (
    SELECT customer_id, category, sum(weight) AS weight, max(last_s) AS last_s
    FROM tastes
    WHERE category IS NOT NULL
    GROUP BY customer_id, category
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, last_s DESC, category) AS place
    FROM summed
)
-- A column for each place, which is much quicker than lists that are sorted; with fewer places the rest is cut off.
SELECT
    customer_id,
    array_slice(make_array(
        max(CASE WHEN place = 1 THEN category END),
        max(CASE WHEN place = 2 THEN category END),
        max(CASE WHEN place = 3 THEN category END),
        max(CASE WHEN place = 4 THEN category END),
        max(CASE WHEN place = 5 THEN category END)
    ), 1, count(*)) AS top_categories,
    array_slice(make_array(
        CAST(max(CASE WHEN place = 1 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 2 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 3 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 4 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 5 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE)
    ), 1, count(*)) AS top_category_weights
FROM ranked AS r
CROSS JOIN params AS p
WHERE place <= p.top_categories_max
GROUP BY customer_id
