-- event_items: the events that name an item or a category; each counts once.
SELECT customer_id, item_id, category, kind, at_s / 86400 AS day, 1 AS n, at_s AS last_s
FROM events
WHERE customer_id IS NOT NULL AND at_s >= 0 AND (item_id IS NOT NULL OR category IS NOT NULL)
