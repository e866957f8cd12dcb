-- rfm: quintiles of recency, frequency and money (5 is best), and the segment that the first two name.
-- A quintile is the share of customers who are worse, in fifths: equal customers are in the same one.
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
