-- items: the goods that are left, one row an item, the most bought first. Services and fees (not is_goods) are no
-- items: they count as money only.
-- Shops rename items: the most frequent name, category and brand of an item are its own.
WITH names AS (
    SELECT item_id, item_name, row_number() OVER (PARTITION BY item_id ORDER BY sum(n) DESC, item_name) AS place
    FROM item_words
    WHERE item_name IS NOT NULL
    GROUP BY item_id, item_name
),
categories AS (
    SELECT item_id, category, row_number() OVER (PARTITION BY item_id ORDER BY sum(n) DESC, category) AS place
    FROM item_words
    WHERE category IS NOT NULL
    GROUP BY item_id, category
),
brands AS (
    SELECT item_id, brand, row_number() OVER (PARTITION BY item_id ORDER BY sum(n) DESC, brand) AS place
    FROM item_words
    WHERE brand IS NOT NULL
    GROUP BY item_id, brand
),
-- A profile names a category in 8 bits: the 255 most bought ones keep their names.
frequent AS (
    SELECT c.category, row_number() OVER (ORDER BY sum(g.n_lines) DESC, c.category) AS category_rank
    FROM categories AS c
    JOIN goods AS g ON g.item_id = c.item_id
    WHERE c.place = 1 AND c.category <> 'OTHER'
    GROUP BY c.category
),
ranked AS (
    SELECT item_id, n_buyers, n_lines, row_number() OVER (ORDER BY n_buyers DESC, n_lines DESC, item_id) AS item_rank
    FROM goods
)
SELECT
    r.item_id,
    n.item_name,
    CASE WHEN f.category_rank <= p.categories_max THEN c.category WHEN c.category IS NOT NULL THEN 'OTHER' END AS category,
    c.category AS own_category,
    b.brand,
    r.n_buyers,
    r.n_lines,
    r.item_rank,
    r.item_rank <= p.items_max AS in_table
FROM ranked AS r
LEFT JOIN names AS n ON n.item_id = r.item_id AND n.place = 1
LEFT JOIN categories AS c ON c.item_id = r.item_id AND c.place = 1
LEFT JOIN brands AS b ON b.item_id = r.item_id AND b.place = 1
LEFT JOIN frequent AS f ON f.category = c.category
CROSS JOIN params AS p
ORDER BY r.item_rank
