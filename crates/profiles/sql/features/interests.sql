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
        row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, last_s DESC, category) AS place
    FROM summed
    WHERE category IS NOT NULL
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
    ), 1, count(*)) AS top_interests,
    array_slice(make_array(
        CAST(max(CASE WHEN place = 1 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 2 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 3 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 4 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE),
        CAST(max(CASE WHEN place = 5 THEN weight END) AS DOUBLE) / CAST(max(weight) AS DOUBLE)
    ), 1, count(*)) AS top_interest_weights
FROM ranked
WHERE place <= 5
GROUP BY customer_id
