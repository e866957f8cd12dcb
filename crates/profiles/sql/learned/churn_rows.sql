-- churn_rows: what is known of each buyer at one time, in the words of the feature files of the same names.
SELECT
    c.customer_id,
    c.recency_days,
    c.frequency,
    c.tenure_days,
    c.monetary_minor,
    c.aov_minor,
    c.gap_days,
    c.basket_items,
    c.n_items,
    y.cycle_days,
    y.overdue_ratio,
    w.orders_30d,
    w.orders_90d,
    w.orders_365d,
    w.spend_90d_minor,
    e.seen_days,
    e.visits_30d,
    e.views_30d,
    e.carts_30d,
    e.active_days_30d,
    e.active_days_90d
FROM customers AS c
JOIN people AS p ON p.customer_id = c.customer_id
LEFT JOIN cycle AS y ON y.customer_id = c.customer_id
LEFT JOIN order_windows AS w ON w.customer_id = c.customer_id
LEFT JOIN event_windows AS e ON e.customer_id = c.customer_id
