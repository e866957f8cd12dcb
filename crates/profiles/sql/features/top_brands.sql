-- top_brands: the brands that a customer buys most; an order halves in weight every 90 days. The brand of an item is
-- that of the order line, or else of the catalogue.
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
bought AS (
    SELECT l.customer_id, coalesce(l.brand, k.brand) AS brand, min(l.ordered_s) AS ordered_s
    FROM purchases AS l
    LEFT JOIN known AS k ON k.item_id = l.item_id
    WHERE l.is_goods AND coalesce(l.brand, k.brand) IS NOT NULL
    GROUP BY l.customer_id, l.order_id, coalesce(l.brand, k.brand)
),
summed AS (
    SELECT
        b.customer_id,
        b.brand,
        sum(greatest(1, CAST(round(1048576.0 * power(0.5, CAST(p.as_of_s - b.ordered_s AS DOUBLE) / p.half_life_s)) AS BIGINT))) AS weight,
        max(b.ordered_s) AS last_s
    FROM bought AS b
    CROSS JOIN params AS p
    GROUP BY b.customer_id, b.brand
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
