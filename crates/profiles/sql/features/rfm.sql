-- rfm: quintiles of recency, frequency and money (5 is best), and the segment that the first two name.
-- A quintile is the share of customers who are worse, in fifths: equal customers are in the same one.
--# always = true
--# [labels.r_quintile]
--# means = "recency in fifths, 5 is best: the share of customers who ordered longer ago"
--# type = "unsigned"
--# bits = 3
--# [labels.f_quintile]
--# means = "orders in fifths, 5 is best: the share of customers with fewer orders"
--# type = "unsigned"
--# bits = 3
--# [labels.m_quintile]
--# means = "money in fifths, 5 is best: the share of customers who spent less"
--# type = "unsigned"
--# bits = 3
--# [labels.segment]
--# means = "named segment by recency and frequency"
--# type = "category"
--# dictionary = "segments"
--# values = ["champions", "loyal", "potential_loyalist", "new", "promising", "needs_attention", "about_to_sleep", "cant_lose", "at_risk", "hibernating", "lost"]
WITH shares AS (
    SELECT
        customer_id,
        1 + 5 * (CAST(rank() OVER (ORDER BY recency_days DESC) AS BIGINT) - 1) / count(*) OVER ()   AS r_quintile,
        1 + 5 * (CAST(rank() OVER (ORDER BY frequency) AS BIGINT) - 1) / count(*) OVER ()           AS f_quintile,
        1 + 5 * (CAST(rank() OVER (ORDER BY monetary_minor) AS BIGINT) - 1) / count(*) OVER ()      AS m_quintile
    FROM customers
)
SELECT
    customer_id,
    r_quintile,
    f_quintile,
    m_quintile,
    CASE
        WHEN r_quintile = 5 AND f_quintile >= 4 THEN 'champions'
        WHEN r_quintile >= 3 AND f_quintile >= 4 THEN 'loyal'
        WHEN r_quintile >= 4 AND f_quintile >= 2 THEN 'potential_loyalist'
        WHEN r_quintile = 5                      THEN 'new'
        WHEN r_quintile = 4                      THEN 'promising'
        WHEN r_quintile = 3 AND f_quintile = 3   THEN 'needs_attention'
        WHEN r_quintile = 3                      THEN 'about_to_sleep'
        WHEN f_quintile = 5                      THEN 'cant_lose'
        WHEN f_quintile >= 3                     THEN 'at_risk'
        WHEN r_quintile = 2 OR f_quintile = 2    THEN 'hibernating'
        ELSE 'lost'
    END AS segment
FROM shares
