-- returns: how often a customer took purchases back: cancelled order lines, and refunds among the events.
SELECT customer_id, sum(n) AS n
FROM (
              SELECT customer_id, 1 AS n FROM netted WHERE is_cancellation
    UNION ALL SELECT customer_id, n FROM event_days WHERE kind = 'refund'
)
GROUP BY customer_id
