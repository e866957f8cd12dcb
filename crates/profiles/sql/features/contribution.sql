-- contribution: what a customer contributed.
-- The amount of each purchase less its cost, where the catalogue has the cost of the item; where it has none, the whole
-- amount. The percentile is the share of buyers who contributed less, so equal customers have the same one.
--# requires = ["purchases"]
--# [labels.contribution_minor]
--# means = "what the customer contributed: the margin where costs are known, else the money spent"
--# type = "linear"
--# bits = 24
--# zero = -100000.0
--# step = 10.0
--# unit = "minor units"
--# in_table = false
--# [labels.contribution_percentile]
--# means = "share of buyers who contributed less, in hundredths"
--# type = "unsigned"
--# bits = 7
--# nullable = true
WITH costs AS (
    SELECT item_id, max(cost_minor) AS cost_minor FROM catalogue WHERE item_id IS NOT NULL GROUP BY item_id
),
summed AS (
    SELECT
        l.customer_id,
        sum(l.amount_minor - coalesce(CAST(CAST(l.quantity * k.cost_minor AS DECIMAL(38, 0)) AS BIGINT), 0)) AS contribution_minor
    FROM purchases AS l
    LEFT JOIN costs AS k ON k.item_id = l.item_id
    GROUP BY l.customer_id
)
SELECT
    customer_id,
    contribution_minor,
    100 * (CAST(rank() OVER (ORDER BY contribution_minor) AS BIGINT) - 1) / count(*) OVER () AS contribution_percentile
FROM summed
