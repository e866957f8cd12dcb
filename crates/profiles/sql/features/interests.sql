-- interests: the categories that a visitor looks at, from events; purchases are in top_categories.
-- A view counts 1, a click or search 2, a put in the cart 5, and half as much for every 30 days that it is older. The category is
-- that of the event, or else of its item.
--# requires = ["events"]
--# [labels.top_interests]
--# means = "categories looked at most, the more recently the more it counts"
--# type = "top_k"
--# k = 5
--# dictionary = "interests"
--# values_max = 127
WITH known AS (
    SELECT item_id, min(category) AS category
    FROM (
        SELECT item_id, own_category AS category FROM items
        UNION ALL
        SELECT item_id, category FROM catalogue
    )
    WHERE item_id IS NOT NULL
    GROUP BY item_id
),
summed AS (
    SELECT
        e.customer_id,
        coalesce(e.category, k.category) AS category,
        sum(e.n * CASE e.kind WHEN 'add_cart' THEN 5 WHEN 'view' THEN 1 ELSE 2 END
                * greatest(1, CAST(round(1048576.0 * power(0.5, CAST(greatest(0, (p.as_of_s - 1) / 86400 - e.day) AS DOUBLE) / 30.0)) AS BIGINT))) AS weight,
        max(e.last_s) AS last_s
    FROM event_items AS e
    LEFT JOIN known AS k ON k.item_id = e.item_id
    CROSS JOIN params AS p
    WHERE e.kind IN ('view', 'click', 'search', 'add_cart')
    GROUP BY e.customer_id, coalesce(e.category, k.category)
),
ranked AS (
    SELECT
        *,
        max(weight) OVER (PARTITION BY customer_id) AS weight_max,
        row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, last_s DESC, category) AS place
    FROM summed
    WHERE category IS NOT NULL
)
SELECT
    customer_id,
    array_agg(category ORDER BY place)                                             AS top_interests,
    array_agg(CAST(weight AS DOUBLE) / CAST(weight_max AS DOUBLE) ORDER BY place)  AS top_interest_weights
FROM ranked
WHERE place <= 5
GROUP BY customer_id
