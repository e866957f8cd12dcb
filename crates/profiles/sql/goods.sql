-- goods: how many customers bought each item, and in how many order lines. Services and fees (not is_goods) are no goods: they
-- count as money only.
SELECT item_id, count(*) AS n_buyers, sum(n_lines) AS n_lines
FROM (
    SELECT item_id, customer_id, count(*) AS n_lines
    FROM purchases
    WHERE is_goods
    GROUP BY item_id, customer_id
)
GROUP BY item_id
