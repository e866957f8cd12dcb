-- order_windows: orders, money and goods of the last 1, 7, 30, 90 and 365 days.
--# [labels.orders_1d]
--# means = "orders of the last day"
--# type = "unsigned"
--# bits = 3
--# default = 0
--# in_table = false
--# [labels.spend_1d_minor]
--# means = "money spent in the last day"
--# type = "log"
--# bits = 8
--# zero = 1.0
--# max = 100000000.0
--# default = 0
--# unit = "minor units"
--# in_table = false
--# [labels.items_1d]
--# means = "goods in the orders of the last day; each counts once an order"
--# type = "unsigned"
--# bits = 5
--# default = 0
--# in_table = false
--# [labels.orders_7d]
--# means = "orders of the last 7 days"
--# type = "unsigned"
--# bits = 4
--# default = 0
--# in_table = false
--# [labels.spend_7d_minor]
--# means = "money spent in the last 7 days"
--# type = "log"
--# bits = 8
--# zero = 1.0
--# max = 100000000.0
--# default = 0
--# unit = "minor units"
--# in_table = false
--# [labels.items_7d]
--# means = "goods in the orders of the last 7 days; each counts once an order"
--# type = "unsigned"
--# bits = 6
--# default = 0
--# in_table = false
--# [labels.orders_30d]
--# means = "orders of the last 30 days"
--# type = "unsigned"
--# bits = 4
--# default = 0
--# in_table = true
--# [labels.spend_30d_minor]
--# means = "money spent in the last 30 days"
--# type = "log"
--# bits = 8
--# zero = 1.0
--# max = 100000000.0
--# default = 0
--# unit = "minor units"
--# in_table = false
--# [labels.items_30d]
--# means = "goods in the orders of the last 30 days; each counts once an order"
--# type = "unsigned"
--# bits = 7
--# default = 0
--# in_table = false
--# [labels.orders_90d]
--# means = "orders of the last 90 days"
--# type = "unsigned"
--# bits = 5
--# default = 0
--# in_table = true
--# [labels.spend_90d_minor]
--# means = "money spent in the last 90 days"
--# type = "log"
--# bits = 8
--# zero = 1.0
--# max = 100000000.0
--# default = 0
--# unit = "minor units"
--# in_table = false
--# [labels.items_90d]
--# means = "goods in the orders of the last 90 days; each counts once an order"
--# type = "unsigned"
--# bits = 8
--# default = 0
--# in_table = false
--# [labels.orders_365d]
--# means = "orders of the last 365 days"
--# type = "unsigned"
--# bits = 9
--# default = 0
--# in_table = false
--# [labels.spend_365d_minor]
--# means = "money spent in the last 365 days"
--# type = "log"
--# bits = 8
--# zero = 1.0
--# max = 100000000.0
--# default = 0
--# unit = "minor units"
--# in_table = false
--# [labels.items_365d]
--# means = "goods in the orders of the last 365 days; each counts once an order"
--# type = "unsigned"
--# bits = 11
--# default = 0
--# in_table = false
WITH aged AS (
    SELECT o.customer_id, o.amount_minor, o.n_items, p.as_of_s - o.ordered_s AS age_s
    FROM orders AS o
    CROSS JOIN params AS p
)
SELECT
    customer_id,
    sum(CASE WHEN age_s < 1 * 86400 THEN 1 ELSE 0 END)             AS orders_1d,
    sum(CASE WHEN age_s < 1 * 86400 THEN amount_minor ELSE 0 END)  AS spend_1d_minor,
    sum(CASE WHEN age_s < 1 * 86400 THEN n_items ELSE 0 END)       AS items_1d,
    sum(CASE WHEN age_s < 7 * 86400 THEN 1 ELSE 0 END)             AS orders_7d,
    sum(CASE WHEN age_s < 7 * 86400 THEN amount_minor ELSE 0 END)  AS spend_7d_minor,
    sum(CASE WHEN age_s < 7 * 86400 THEN n_items ELSE 0 END)       AS items_7d,
    sum(CASE WHEN age_s < 30 * 86400 THEN 1 ELSE 0 END)             AS orders_30d,
    sum(CASE WHEN age_s < 30 * 86400 THEN amount_minor ELSE 0 END)  AS spend_30d_minor,
    sum(CASE WHEN age_s < 30 * 86400 THEN n_items ELSE 0 END)       AS items_30d,
    sum(CASE WHEN age_s < 90 * 86400 THEN 1 ELSE 0 END)             AS orders_90d,
    sum(CASE WHEN age_s < 90 * 86400 THEN amount_minor ELSE 0 END)  AS spend_90d_minor,
    sum(CASE WHEN age_s < 90 * 86400 THEN n_items ELSE 0 END)       AS items_90d,
    sum(CASE WHEN age_s < 365 * 86400 THEN 1 ELSE 0 END)             AS orders_365d,
    sum(CASE WHEN age_s < 365 * 86400 THEN amount_minor ELSE 0 END)  AS spend_365d_minor,
    sum(CASE WHEN age_s < 365 * 86400 THEN n_items ELSE 0 END)       AS items_365d
FROM aged
GROUP BY customer_id
