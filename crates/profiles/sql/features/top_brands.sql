-- top_brands: the brands that a customer buys most, the more recently the more it counts; see top_categories. The brand of an
-- item is the one that most of its order lines name, or else that of the catalogue.
--# requires = ["purchases"]
--# [labels.top_brands]
--# means = "brands bought most, the more recently the more it counts"
--# type = "top_k"
--# k = 3
--# dictionary = "brands"
--# values_max = 254
WITH known AS (
    SELECT item_id, min(brand) AS brand FROM catalogue WHERE item_id IS NOT NULL GROUP BY item_id
),
branded AS (
    SELECT i.item_id, coalesce(i.brand, k.brand) AS brand FROM items AS i LEFT JOIN known AS k ON k.item_id = i.item_id
),
summed AS (
    SELECT t.customer_id, b.brand, sum(t.weight) AS weight, max(t.last_s) AS last_s
    FROM tastes AS t
    JOIN branded AS b ON b.item_id = t.item_id
    WHERE b.brand IS NOT NULL
    GROUP BY t.customer_id, b.brand
),
ranked AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, last_s DESC, brand) AS place
    FROM summed
)
-- A column for each place, which is much quicker than lists that are sorted; with fewer places the rest is cut off.
SELECT
    customer_id,
    array_slice(make_array(
        max(CASE WHEN place = 1 THEN brand END),
        max(CASE WHEN place = 2 THEN brand END),
        max(CASE WHEN place = 3 THEN brand END)
    ), 1, count(*)) AS top_brands,
    array_slice(make_array(
        CAST(max(CASE WHEN place = 1 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 2 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 3 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE)
    ), 1, count(*)) AS top_brand_weights
FROM ranked
WHERE place <= 3
GROUP BY customer_id
