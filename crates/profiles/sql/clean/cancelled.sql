-- cancelled: of which items which customers cancelled anything.
SELECT DISTINCT customer_id, item_id
FROM checked
WHERE reason = 'cancellation'
