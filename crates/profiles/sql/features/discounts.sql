-- discounts: how much a customer buys at a discount. Only lines with a known list price count; without any the labels are
-- missing.
--# [labels.discount_share]
--# means = "discounts as a share of list prices"
--# type = "linear"
--# bits = 6
--# max = 1.0
--# nullable = true
--# [labels.discounted_orders_share]
--# means = "share of orders with a discount, of those with known list prices"
--# type = "linear"
--# bits = 5
--# max = 1.0
--# nullable = true
SELECT
    customer_id,
    1.0 - CAST(sum(listed_amount_minor) AS DOUBLE) / CAST(sum(list_minor) AS DOUBLE) AS discount_share,
    CAST(sum(CASE WHEN listed_amount_minor < list_minor THEN 1 ELSE 0 END) AS DOUBLE) / CAST(count(*) AS DOUBLE)
        AS discounted_orders_share
FROM orders
WHERE list_minor > 0
GROUP BY customer_id
