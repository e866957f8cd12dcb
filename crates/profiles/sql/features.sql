-- features: one row a customer, in the order of their ids. This is features.parquet, and the profile table is its
-- compact form.
SELECT
    c.customer_id,
    to_timestamp_seconds(c.first_s) AS first_order_at,
    to_timestamp_seconds(c.last_s)  AS last_order_at,
    c.recency_days,
    c.frequency,
    c.monetary_minor,
    c.aov_minor,
    c.tenure_days,
    c.gap_days,
    c.basket_items,
    c.n_items,
    c.is_repeat,
    c.country,
    r.r_quintile,
    r.f_quintile,
    r.m_quintile,
    r.segment,
    h.weekday,
    h.hour,
    c.weekend_share,
    t.top_categories,
    t.top_category_weights,
    l.last_items,
    l.last_item_weights
FROM customers AS c
JOIN rfm AS r ON r.customer_id = c.customer_id
JOIN habits AS h ON h.customer_id = c.customer_id
LEFT JOIN top_categories AS t ON t.customer_id = c.customer_id
LEFT JOIN last_items AS l ON l.customer_id = c.customer_id
ORDER BY c.customer_id
