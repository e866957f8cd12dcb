-- dayparts: when a customer is usually active: the histogram of hours and weekdays of orders and events, in the time of the
-- shop's data. An order counts as much as 8 events, and everything half as much for every 90 days that it is older.
-- "Usually active between 8 and 12" is the rule: profile.active_dayparts has h08_11.
--# requires = []
--# [labels.active_dayparts]
--# means = "parts of the day in which the customer is usually active: each with at least a fifth of all activity"
--# type = "labels"
--# values = ["h00_03", "h04_07", "h08_11", "h12_15", "h16_19", "h20_23"]
--# [labels.active_hours]
--# means = "hours of the day by activity: 0 to 23"
--# type = "top_k"
--# k = 24
--# dictionary = "hours"
--# values = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23"]
--# in_table = false
--# [labels.active_weekdays]
--# means = "days of the week by activity"
--# type = "top_k"
--# k = 7
--# dictionary = "weekdays"
--# values = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
--# in_table = false
WITH uses AS (
    SELECT customer_id, day, hour, n FROM event_days
    UNION ALL
    SELECT customer_id, ordered_s / 86400 AS day, (ordered_s % 86400) / 3600 AS hour, 8 AS n FROM orders
),
weighed AS (
    SELECT
        u.customer_id,
        u.hour,
        -- 1970-01-01 was a Thursday: 0 is Monday, 6 is Sunday.
        (u.day + 3) % 7 AS weekday,
        u.n * greatest(1, CAST(round(1048576.0 * power(0.5, CAST(greatest(0, (p.as_of_s - 1) / 86400 - u.day) AS DOUBLE) / 90.0)) AS BIGINT)) AS weight
    FROM uses AS u
    CROSS JOIN params AS p
),
hours AS (
    SELECT customer_id, hour, sum(weight) AS weight FROM weighed GROUP BY customer_id, hour
),
weekdays AS (
    SELECT customer_id, weekday, sum(weight) AS weight FROM weighed GROUP BY customer_id, weekday
),
parts AS (
    SELECT customer_id, hour / 4 AS part, sum(weight) AS weight FROM hours GROUP BY customer_id, hour / 4
),
shares AS (
    SELECT customer_id, part, weight, sum(weight) OVER (PARTITION BY customer_id) AS weight_all FROM parts
),
named_parts AS (
    SELECT
        customer_id,
        array_agg(CASE part WHEN 0 THEN 'h00_03' WHEN 1 THEN 'h04_07' WHEN 2 THEN 'h08_11' WHEN 3 THEN 'h12_15'
                            WHEN 4 THEN 'h16_19' ELSE 'h20_23' END ORDER BY part) AS active_dayparts
    FROM shares
    WHERE 5 * weight >= weight_all
    GROUP BY customer_id
),
named_hours AS (
    SELECT
        customer_id,
        array_agg(CAST(hour AS VARCHAR) ORDER BY weight DESC, hour)                            AS active_hours,
        array_agg(CAST(weight AS DOUBLE) / CAST(weight_max AS DOUBLE) ORDER BY weight DESC, hour) AS active_hour_weights
    FROM (SELECT *, max(weight) OVER (PARTITION BY customer_id) AS weight_max FROM hours)
    GROUP BY customer_id
),
named_weekdays AS (
    SELECT
        customer_id,
        array_agg(CASE weekday WHEN 0 THEN 'mon' WHEN 1 THEN 'tue' WHEN 2 THEN 'wed' WHEN 3 THEN 'thu' WHEN 4 THEN 'fri'
                               WHEN 5 THEN 'sat' ELSE 'sun' END ORDER BY weight DESC, weekday)    AS active_weekdays,
        array_agg(CAST(weight AS DOUBLE) / CAST(weight_max AS DOUBLE) ORDER BY weight DESC, weekday) AS active_weekday_weights
    FROM (SELECT *, max(weight) OVER (PARTITION BY customer_id) AS weight_max FROM weekdays)
    GROUP BY customer_id
)
SELECT h.customer_id, d.active_dayparts, h.active_hours, h.active_hour_weights, w.active_weekdays, w.active_weekday_weights
FROM named_hours AS h
JOIN named_weekdays AS w ON w.customer_id = h.customer_id
LEFT JOIN named_parts AS d ON d.customer_id = h.customer_id
