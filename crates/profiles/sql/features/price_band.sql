-- price_band: whether a customer buys the cheap or the dear goods of each category.
-- Goods are ranked by their mean price within their category, from 0 (cheapest) to 1 (dearest); the only one of a
-- category has 0.5. The level is the mean rank of the lines bought; a third of the scale each is low, middle and high.
--# [labels.price_band]
--# means = "price level of the goods that the customer buys, within their categories: low, middle, high"
--# type = "category"
--# values = ["low", "middle", "high"]
--# nullable = true
--# [labels.price_level]
--# means = "the same as a number: 0 buys the cheapest goods of each category, 1 the dearest"
--# type = "linear"
--# bits = 5
--# max = 1.0
--# nullable = true
--# in_table = false
WITH prices AS (
    SELECT
        l.item_id,
        coalesce(max(i.own_category), '')                              AS category,
        CAST(CAST(sum(l.amount_minor) AS DOUBLE) / CAST(sum(l.quantity) AS DOUBLE) * 100.0 AS BIGINT) AS price
    FROM purchases AS l
    JOIN items AS i ON i.item_id = l.item_id
    WHERE l.is_goods
    GROUP BY l.item_id
),
ranked AS (
    SELECT
        item_id,
        CAST(rank() OVER (PARTITION BY category ORDER BY price) AS BIGINT) - 1 AS below,
        count(*) OVER (PARTITION BY category)                                  AS n
    FROM prices
),
levels AS (
    SELECT item_id, CASE WHEN n = 1 THEN 500 ELSE 1000 * below / (n - 1) END AS level_milli FROM ranked
),
means AS (
    SELECT l.customer_id, CAST(sum(v.level_milli) AS DOUBLE) / CAST(count(*) AS DOUBLE) / 1000.0 AS price_level
    FROM purchases AS l
    JOIN levels AS v ON v.item_id = l.item_id
    WHERE l.is_goods
    GROUP BY l.customer_id
)
SELECT
    customer_id,
    price_level,
    CASE WHEN price_level < 1.0 / 3.0 THEN 'low' WHEN price_level < 2.0 / 3.0 THEN 'middle' ELSE 'high' END AS price_band
FROM means
