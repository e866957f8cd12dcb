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
-- One pass over all uses, without sorting any: a column for each hour and weekday.
counted AS (
    SELECT
        customer_id,
        sum(CASE WHEN hour = 0 THEN weight ELSE 0 END) AS h0,
        sum(CASE WHEN hour = 1 THEN weight ELSE 0 END) AS h1,
        sum(CASE WHEN hour = 2 THEN weight ELSE 0 END) AS h2,
        sum(CASE WHEN hour = 3 THEN weight ELSE 0 END) AS h3,
        sum(CASE WHEN hour = 4 THEN weight ELSE 0 END) AS h4,
        sum(CASE WHEN hour = 5 THEN weight ELSE 0 END) AS h5,
        sum(CASE WHEN hour = 6 THEN weight ELSE 0 END) AS h6,
        sum(CASE WHEN hour = 7 THEN weight ELSE 0 END) AS h7,
        sum(CASE WHEN hour = 8 THEN weight ELSE 0 END) AS h8,
        sum(CASE WHEN hour = 9 THEN weight ELSE 0 END) AS h9,
        sum(CASE WHEN hour = 10 THEN weight ELSE 0 END) AS h10,
        sum(CASE WHEN hour = 11 THEN weight ELSE 0 END) AS h11,
        sum(CASE WHEN hour = 12 THEN weight ELSE 0 END) AS h12,
        sum(CASE WHEN hour = 13 THEN weight ELSE 0 END) AS h13,
        sum(CASE WHEN hour = 14 THEN weight ELSE 0 END) AS h14,
        sum(CASE WHEN hour = 15 THEN weight ELSE 0 END) AS h15,
        sum(CASE WHEN hour = 16 THEN weight ELSE 0 END) AS h16,
        sum(CASE WHEN hour = 17 THEN weight ELSE 0 END) AS h17,
        sum(CASE WHEN hour = 18 THEN weight ELSE 0 END) AS h18,
        sum(CASE WHEN hour = 19 THEN weight ELSE 0 END) AS h19,
        sum(CASE WHEN hour = 20 THEN weight ELSE 0 END) AS h20,
        sum(CASE WHEN hour = 21 THEN weight ELSE 0 END) AS h21,
        sum(CASE WHEN hour = 22 THEN weight ELSE 0 END) AS h22,
        sum(CASE WHEN hour = 23 THEN weight ELSE 0 END) AS h23,
        sum(CASE WHEN weekday = 0 THEN weight ELSE 0 END) AS d0,
        sum(CASE WHEN weekday = 1 THEN weight ELSE 0 END) AS d1,
        sum(CASE WHEN weekday = 2 THEN weight ELSE 0 END) AS d2,
        sum(CASE WHEN weekday = 3 THEN weight ELSE 0 END) AS d3,
        sum(CASE WHEN weekday = 4 THEN weight ELSE 0 END) AS d4,
        sum(CASE WHEN weekday = 5 THEN weight ELSE 0 END) AS d5,
        sum(CASE WHEN weekday = 6 THEN weight ELSE 0 END) AS d6,
        sum(weight) AS weight_all
    FROM weighed
    GROUP BY customer_id
),
summed AS (
    SELECT
        *,
        h0 + h1 + h2 + h3 AS p0,
        h4 + h5 + h6 + h7 AS p1,
        h8 + h9 + h10 + h11 AS p2,
        h12 + h13 + h14 + h15 AS p3,
        h16 + h17 + h18 + h19 AS p4,
        h20 + h21 + h22 + h23 AS p5,
        CAST(greatest(h0, h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11, h12, h13, h14, h15, h16, h17, h18, h19, h20, h21, h22, h23) AS DOUBLE) AS h_max,
        CAST(greatest(d0, d1, d2, d3, d4, d5, d6) AS DOUBLE) AS d_max
    FROM counted
)
SELECT
    customer_id,
    array_remove_all(
        make_array(
            CASE WHEN 5 * p0 >= weight_all THEN 'h00_03' ELSE '' END,
            CASE WHEN 5 * p1 >= weight_all THEN 'h04_07' ELSE '' END,
            CASE WHEN 5 * p2 >= weight_all THEN 'h08_11' ELSE '' END,
            CASE WHEN 5 * p3 >= weight_all THEN 'h12_15' ELSE '' END,
            CASE WHEN 5 * p4 >= weight_all THEN 'h16_19' ELSE '' END,
            CASE WHEN 5 * p5 >= weight_all THEN 'h20_23' ELSE '' END
        ),
        ''
    ) AS active_dayparts,
    make_array('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12', '13', '14', '15', '16', '17', '18', '19', '20', '21', '22', '23') AS active_hours,
    make_array(CAST(h0 AS DOUBLE) / h_max, CAST(h1 AS DOUBLE) / h_max, CAST(h2 AS DOUBLE) / h_max, CAST(h3 AS DOUBLE) / h_max, CAST(h4 AS DOUBLE) / h_max, CAST(h5 AS DOUBLE) / h_max, CAST(h6 AS DOUBLE) / h_max, CAST(h7 AS DOUBLE) / h_max, CAST(h8 AS DOUBLE) / h_max, CAST(h9 AS DOUBLE) / h_max, CAST(h10 AS DOUBLE) / h_max, CAST(h11 AS DOUBLE) / h_max, CAST(h12 AS DOUBLE) / h_max, CAST(h13 AS DOUBLE) / h_max, CAST(h14 AS DOUBLE) / h_max, CAST(h15 AS DOUBLE) / h_max, CAST(h16 AS DOUBLE) / h_max, CAST(h17 AS DOUBLE) / h_max, CAST(h18 AS DOUBLE) / h_max, CAST(h19 AS DOUBLE) / h_max, CAST(h20 AS DOUBLE) / h_max, CAST(h21 AS DOUBLE) / h_max, CAST(h22 AS DOUBLE) / h_max, CAST(h23 AS DOUBLE) / h_max) AS active_hour_weights,
    make_array('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun') AS active_weekdays,
    make_array(CAST(d0 AS DOUBLE) / d_max, CAST(d1 AS DOUBLE) / d_max, CAST(d2 AS DOUBLE) / d_max, CAST(d3 AS DOUBLE) / d_max, CAST(d4 AS DOUBLE) / d_max, CAST(d5 AS DOUBLE) / d_max, CAST(d6 AS DOUBLE) / d_max) AS active_weekday_weights
FROM summed
