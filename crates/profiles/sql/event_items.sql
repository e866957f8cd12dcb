-- event_items: all events that name an item or a category, counted by customer, item, category, kind and day.
SELECT customer_id, item_id, category, kind, day, sum(n) AS n, max(last_s) AS last_s
FROM parts
GROUP BY customer_id, item_id, category, kind, day
