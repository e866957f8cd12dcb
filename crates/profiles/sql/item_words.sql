-- item_words: what the order lines call each item, and how often: name, category and brand together, of which there are few.
SELECT item_id, item_name, category, brand, count(*) AS n
FROM purchases
WHERE is_goods
GROUP BY item_id, item_name, category, brand
