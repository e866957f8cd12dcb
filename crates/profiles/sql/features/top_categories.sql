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
        max(weight) OVER (PARTITION BY customer_id) AS weight_max,
        row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, last_s DESC, category) AS place
    FROM summed
)
SELECT
    r.customer_id,
    array_agg(r.category ORDER BY r.place)                                                 AS top_categories,
    array_agg(CAST(r.weight AS DOUBLE) / CAST(r.weight_max AS DOUBLE) ORDER BY r.place)    AS top_category_weights
FROM ranked AS r
CROSS JOIN params AS p
WHERE r.place <= p.top_categories_max
GROUP BY r.customer_id
