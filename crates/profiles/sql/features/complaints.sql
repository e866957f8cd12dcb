-- complaints: service contacts. One is open when the file says so; a contact among the events is open when it has no outcome,
-- or the outcome open or pending, and no later contact for the same reason.
--# requires = ["contacts|events"]
--# [labels.open_complaint]
--# means = "a service contact is open: not the time for promotion"
--# type = "bool"
--# default = false
--# [labels.contacts_90d]
--# means = "service contacts of the last 90 days"
--# type = "unsigned"
--# bits = 4
--# default = 0
--# in_table = false
WITH latest AS (
    SELECT
        customer_id,
        at_s,
        outcome IS NULL OR lower(outcome) IN ('open', 'pending') AS is_open,
        row_number() OVER (PARTITION BY customer_id, reason ORDER BY at_s DESC, outcome) AS place
    FROM events
    WHERE kind = 'service_contact' AND customer_id IS NOT NULL
),
together AS (
    SELECT customer_id, at_s, is_open AND place = 1 AS is_open FROM latest
    UNION ALL
    SELECT customer_id, at_s, coalesce(is_open, false) AS is_open FROM contacts WHERE customer_id IS NOT NULL
)
SELECT
    t.customer_id,
    max(CASE WHEN t.is_open THEN 1 ELSE 0 END) = 1                               AS open_complaint,
    sum(CASE WHEN p.as_of_s - t.at_s < 90 * 86400 THEN 1 ELSE 0 END)             AS contacts_90d
FROM together AS t
CROSS JOIN params AS p
GROUP BY t.customer_id
