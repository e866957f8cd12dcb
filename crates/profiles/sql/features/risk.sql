-- risk: signs of abuse, for exclusions. They are no proof: a person should look before anything else is done with them.
--# requires = []
--# [labels.many_returns]
--# means = "at least 3 cancelled lines and refunds, and at least half as many as orders"
--# type = "bool"
--# default = false
--# [labels.n_returns]
--# means = "cancelled order lines and refunds"
--# type = "unsigned"
--# bits = 6
--# default = 0
--# in_table = false
--# [labels.bot_like]
--# means = "acts like a machine: 1000 or more events in an hour, or events in 22 or more hours of one day"
--# type = "bool"
--# default = false
WITH hours AS (
    SELECT customer_id, day, hour, sum(n) AS n FROM event_days GROUP BY customer_id, day, hour
),
days AS (
    SELECT customer_id, day, max(n) AS n_hour, count(*) AS n_hours FROM hours GROUP BY customer_id, day
),
rates AS (
    SELECT customer_id, max(n_hour) >= 1000 OR max(n_hours) >= 22 AS bot_like FROM days GROUP BY customer_id
)
SELECT
    w.customer_id,
    coalesce(r.n, 0)                                                             AS n_returns,
    coalesce(r.n >= 3 AND 2 * r.n >= coalesce(c.frequency, 0), false)            AS many_returns,
    coalesce(t.bot_like, false)                                                  AS bot_like
FROM people AS w
LEFT JOIN returns AS r ON r.customer_id = w.customer_id
LEFT JOIN customers AS c ON c.customer_id = w.customer_id
LEFT JOIN rates AS t ON t.customer_id = w.customer_id
