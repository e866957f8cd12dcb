-- people: everybody who has a row: customers who bought, and visitors of whom anything else is known. Nobody who was
-- erased.
SELECT u.customer_id
FROM (
              SELECT customer_id FROM orders
    UNION ALL SELECT customer_id FROM event_days
    UNION ALL SELECT customer_id FROM attributes
    UNION ALL SELECT customer_id FROM surveys
    UNION ALL SELECT customer_id FROM contacts
) AS u
LEFT JOIN tombstones AS t ON t.visitor = u.customer_id
WHERE u.customer_id IS NOT NULL AND t.visitor IS NULL
GROUP BY u.customer_id
ORDER BY u.customer_id
