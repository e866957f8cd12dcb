-- habits: the weekday and the hour at which a customer orders most often; of equal ones the one used last.
--# always = true
--# [labels.weekday]
--# means = "weekday of most orders, 0 is Monday"
--# type = "unsigned"
--# bits = 3
--# [labels.hour]
--# means = "hour of most orders"
--# type = "unsigned"
--# bits = 5
WITH weekdays AS (
    SELECT customer_id, weekday, count(*) AS n, max(ordered_s) AS last_s FROM orders GROUP BY customer_id, weekday
),
hours AS (
    SELECT customer_id, hour, count(*) AS n, max(ordered_s) AS last_s FROM orders GROUP BY customer_id, hour
),
usual_weekdays AS (
    SELECT customer_id, first_value(weekday ORDER BY n DESC, last_s DESC, weekday) AS weekday FROM weekdays GROUP BY customer_id
),
usual_hours AS (
    SELECT customer_id, first_value(hour ORDER BY n DESC, last_s DESC, hour) AS hour FROM hours GROUP BY customer_id
)
SELECT w.customer_id, w.weekday, h.hour
FROM usual_weekdays AS w
JOIN usual_hours AS h ON h.customer_id = w.customer_id
