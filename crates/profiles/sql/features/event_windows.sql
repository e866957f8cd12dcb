-- event_windows: what a visitor did in the last 1, 7, 30, 90 and 365 days, by whole days; 1 is the last day of the data.
--# requires = ["events"]
--# [labels.visits_1d]
--# means = "visits of the last day"
--# type = "unsigned"
--# bits = 6
--# default = 0
--# in_table = false
--# [labels.views_1d]
--# means = "items and pages viewed of the last day"
--# type = "unsigned"
--# bits = 6
--# default = 0
--# in_table = false
--# [labels.clicks_1d]
--# means = "clicks of the last day"
--# type = "unsigned"
--# bits = 6
--# default = 0
--# in_table = false
--# [labels.searches_1d]
--# means = "searches of the last day"
--# type = "unsigned"
--# bits = 6
--# default = 0
--# in_table = false
--# [labels.carts_1d]
--# means = "items put in the cart of the last day"
--# type = "unsigned"
--# bits = 6
--# default = 0
--# in_table = false
--# [labels.visits_7d]
--# means = "visits of the last 7 days"
--# type = "unsigned"
--# bits = 7
--# default = 0
--# in_table = false
--# [labels.views_7d]
--# means = "items and pages viewed of the last 7 days"
--# type = "unsigned"
--# bits = 7
--# default = 0
--# in_table = true
--# [labels.clicks_7d]
--# means = "clicks of the last 7 days"
--# type = "unsigned"
--# bits = 7
--# default = 0
--# in_table = false
--# [labels.searches_7d]
--# means = "searches of the last 7 days"
--# type = "unsigned"
--# bits = 7
--# default = 0
--# in_table = false
--# [labels.carts_7d]
--# means = "items put in the cart of the last 7 days"
--# type = "unsigned"
--# bits = 7
--# default = 0
--# in_table = true
--# [labels.active_days_7d]
--# means = "days with any event of the last 7 days"
--# type = "unsigned"
--# bits = 3
--# default = 0
--# in_table = false
--# [labels.visits_30d]
--# means = "visits of the last 30 days"
--# type = "unsigned"
--# bits = 9
--# default = 0
--# in_table = false
--# [labels.views_30d]
--# means = "items and pages viewed of the last 30 days"
--# type = "unsigned"
--# bits = 9
--# default = 0
--# in_table = false
--# [labels.clicks_30d]
--# means = "clicks of the last 30 days"
--# type = "unsigned"
--# bits = 9
--# default = 0
--# in_table = false
--# [labels.searches_30d]
--# means = "searches of the last 30 days"
--# type = "unsigned"
--# bits = 9
--# default = 0
--# in_table = false
--# [labels.carts_30d]
--# means = "items put in the cart of the last 30 days"
--# type = "unsigned"
--# bits = 9
--# default = 0
--# in_table = false
--# [labels.active_days_30d]
--# means = "days with any event of the last 30 days"
--# type = "unsigned"
--# bits = 5
--# default = 0
--# in_table = true
--# [labels.visits_90d]
--# means = "visits of the last 90 days"
--# type = "unsigned"
--# bits = 10
--# default = 0
--# in_table = false
--# [labels.views_90d]
--# means = "items and pages viewed of the last 90 days"
--# type = "unsigned"
--# bits = 10
--# default = 0
--# in_table = false
--# [labels.clicks_90d]
--# means = "clicks of the last 90 days"
--# type = "unsigned"
--# bits = 10
--# default = 0
--# in_table = false
--# [labels.searches_90d]
--# means = "searches of the last 90 days"
--# type = "unsigned"
--# bits = 10
--# default = 0
--# in_table = false
--# [labels.carts_90d]
--# means = "items put in the cart of the last 90 days"
--# type = "unsigned"
--# bits = 10
--# default = 0
--# in_table = false
--# [labels.active_days_90d]
--# means = "days with any event of the last 90 days"
--# type = "unsigned"
--# bits = 7
--# default = 0
--# in_table = false
--# [labels.visits_365d]
--# means = "visits of the last 365 days"
--# type = "unsigned"
--# bits = 12
--# default = 0
--# in_table = false
--# [labels.views_365d]
--# means = "items and pages viewed of the last 365 days"
--# type = "unsigned"
--# bits = 12
--# default = 0
--# in_table = false
--# [labels.clicks_365d]
--# means = "clicks of the last 365 days"
--# type = "unsigned"
--# bits = 12
--# default = 0
--# in_table = false
--# [labels.searches_365d]
--# means = "searches of the last 365 days"
--# type = "unsigned"
--# bits = 12
--# default = 0
--# in_table = false
--# [labels.carts_365d]
--# means = "items put in the cart of the last 365 days"
--# type = "unsigned"
--# bits = 12
--# default = 0
--# in_table = false
--# [labels.active_days_365d]
--# means = "days with any event of the last 365 days"
--# type = "unsigned"
--# bits = 9
--# default = 0
--# in_table = false
--# [labels.seen_days]
--# means = "whole days since the last event of any kind"
--# type = "unsigned"
--# bits = 9
--# nullable = true
--# unit = "days"
--# [labels.carted_days]
--# means = "whole days since something was put in the cart"
--# type = "unsigned"
--# bits = 7
--# nullable = true
--# unit = "days"
--# in_table = false
WITH aged AS (
    SELECT e.customer_id, e.kind, e.n, e.day, greatest(0, (p.as_of_s - 1) / 86400 - e.day) AS age
    FROM event_days AS e
    CROSS JOIN params AS p
    WHERE e.kind <> 'impression'
)
SELECT
    customer_id,
    sum(CASE WHEN kind = 'visit' AND age < 1 THEN n ELSE 0 END) AS visits_1d,
    sum(CASE WHEN kind = 'view' AND age < 1 THEN n ELSE 0 END) AS views_1d,
    sum(CASE WHEN kind = 'click' AND age < 1 THEN n ELSE 0 END) AS clicks_1d,
    sum(CASE WHEN kind = 'search' AND age < 1 THEN n ELSE 0 END) AS searches_1d,
    sum(CASE WHEN kind = 'add_cart' AND age < 1 THEN n ELSE 0 END) AS carts_1d,
    sum(CASE WHEN kind = 'visit' AND age < 7 THEN n ELSE 0 END) AS visits_7d,
    sum(CASE WHEN kind = 'view' AND age < 7 THEN n ELSE 0 END) AS views_7d,
    sum(CASE WHEN kind = 'click' AND age < 7 THEN n ELSE 0 END) AS clicks_7d,
    sum(CASE WHEN kind = 'search' AND age < 7 THEN n ELSE 0 END) AS searches_7d,
    sum(CASE WHEN kind = 'add_cart' AND age < 7 THEN n ELSE 0 END) AS carts_7d,
    count(DISTINCT CASE WHEN age < 7 THEN day END) AS active_days_7d,
    sum(CASE WHEN kind = 'visit' AND age < 30 THEN n ELSE 0 END) AS visits_30d,
    sum(CASE WHEN kind = 'view' AND age < 30 THEN n ELSE 0 END) AS views_30d,
    sum(CASE WHEN kind = 'click' AND age < 30 THEN n ELSE 0 END) AS clicks_30d,
    sum(CASE WHEN kind = 'search' AND age < 30 THEN n ELSE 0 END) AS searches_30d,
    sum(CASE WHEN kind = 'add_cart' AND age < 30 THEN n ELSE 0 END) AS carts_30d,
    count(DISTINCT CASE WHEN age < 30 THEN day END) AS active_days_30d,
    sum(CASE WHEN kind = 'visit' AND age < 90 THEN n ELSE 0 END) AS visits_90d,
    sum(CASE WHEN kind = 'view' AND age < 90 THEN n ELSE 0 END) AS views_90d,
    sum(CASE WHEN kind = 'click' AND age < 90 THEN n ELSE 0 END) AS clicks_90d,
    sum(CASE WHEN kind = 'search' AND age < 90 THEN n ELSE 0 END) AS searches_90d,
    sum(CASE WHEN kind = 'add_cart' AND age < 90 THEN n ELSE 0 END) AS carts_90d,
    count(DISTINCT CASE WHEN age < 90 THEN day END) AS active_days_90d,
    sum(CASE WHEN kind = 'visit' AND age < 365 THEN n ELSE 0 END) AS visits_365d,
    sum(CASE WHEN kind = 'view' AND age < 365 THEN n ELSE 0 END) AS views_365d,
    sum(CASE WHEN kind = 'click' AND age < 365 THEN n ELSE 0 END) AS clicks_365d,
    sum(CASE WHEN kind = 'search' AND age < 365 THEN n ELSE 0 END) AS searches_365d,
    sum(CASE WHEN kind = 'add_cart' AND age < 365 THEN n ELSE 0 END) AS carts_365d,
    count(DISTINCT CASE WHEN age < 365 THEN day END) AS active_days_365d,
    min(age) AS seen_days,
    min(CASE WHEN kind = 'add_cart' THEN age END) AS carted_days
FROM aged
GROUP BY customer_id
