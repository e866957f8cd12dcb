-- repeated_lines: which goods have more than one line in an order. Few have, and so the steps that count an item once an order need
-- not group all lines.
SELECT order_id, item_id
FROM purchases
WHERE is_goods
GROUP BY order_id, item_id
HAVING count(*) > 1
