-- event_items_part: the events of one file that name an item or a category, counted by customer, item, category, kind and
-- day.
SELECT customer_id, item_id, category, kind, at_s / 86400 AS day, count(*) AS n, max(at_s) AS last_s
FROM part
WHERE customer_id IS NOT NULL AND at_s >= 0 AND (item_id IS NOT NULL OR category IS NOT NULL)
GROUP BY customer_id, item_id, category, kind, at_s / 86400
