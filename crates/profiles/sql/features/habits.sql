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
    SELECT customer_id, weekday,
           row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, max(ordered_s) DESC, weekday) AS place
    FROM orders
    GROUP BY customer_id, weekday
),
hours AS (
    SELECT customer_id, hour,
           row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, max(ordered_s) DESC, hour) AS place
    FROM orders
    GROUP BY customer_id, hour
)
SELECT w.customer_id, w.weekday, h.hour
FROM weekdays AS w
JOIN hours AS h ON h.customer_id = w.customer_id
WHERE w.place = 1 AND h.place = 1
