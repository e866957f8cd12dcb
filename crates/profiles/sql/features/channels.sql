-- channels: by which channels and devices a customer comes. An order counts as much as 8 events.
--# requires = []
--# [labels.main_channel]
--# means = "channel of most orders and events; of equal ones the one used last"
--# type = "category"
--# values = ["web", "app", "email", "sms", "social", "store", "call", "partner", "device"]
--# dictionary = "channels"
--# nullable = true
--# [labels.channels_used]
--# means = "channels of the last 365 days"
--# type = "labels"
--# values = ["web", "app", "email", "sms", "social", "store", "call", "partner", "device"]
--# [labels.main_device]
--# means = "device of most events; of equal ones the one used last"
--# type = "category"
--# values = ["desktop", "mobile", "tablet", "other"]
--# dictionary = "devices"
--# nullable = true
WITH uses AS (
    SELECT customer_id, channel, device, day, n, last_s FROM event_days
    UNION ALL
    SELECT customer_id, channel, CAST(NULL AS VARCHAR) AS device, ordered_s / 86400 AS day, 8 AS n, ordered_s AS last_s FROM orders
),
channels AS (
    SELECT
        u.customer_id,
        u.channel,
        max(u.day) > (max(p.as_of_s) - 1) / 86400 - 365                                         AS is_recent,
        row_number() OVER (PARTITION BY u.customer_id ORDER BY sum(u.n) DESC, max(u.last_s) DESC, u.channel) AS place
    FROM uses AS u
    CROSS JOIN params AS p
    WHERE u.channel IS NOT NULL
    GROUP BY u.customer_id, u.channel
),
devices AS (
    SELECT
        customer_id,
        device,
        row_number() OVER (PARTITION BY customer_id ORDER BY sum(n) DESC, max(last_s) DESC, device) AS place
    FROM uses
    WHERE device IS NOT NULL
    GROUP BY customer_id, device
),
named AS (
    SELECT
        customer_id,
        max(CASE WHEN place = 1 THEN channel END)                        AS main_channel,
        -- A column for each channel, which is much quicker than lists that are sorted.
        array_remove_all(make_array(
            max(CASE WHEN is_recent AND channel = 'app' THEN 'app' ELSE '' END),
            max(CASE WHEN is_recent AND channel = 'call' THEN 'call' ELSE '' END),
            max(CASE WHEN is_recent AND channel = 'device' THEN 'device' ELSE '' END),
            max(CASE WHEN is_recent AND channel = 'email' THEN 'email' ELSE '' END),
            max(CASE WHEN is_recent AND channel = 'partner' THEN 'partner' ELSE '' END),
            max(CASE WHEN is_recent AND channel = 'sms' THEN 'sms' ELSE '' END),
            max(CASE WHEN is_recent AND channel = 'social' THEN 'social' ELSE '' END),
            max(CASE WHEN is_recent AND channel = 'store' THEN 'store' ELSE '' END),
            max(CASE WHEN is_recent AND channel = 'web' THEN 'web' ELSE '' END)
        ), '')                                                           AS channels_used
    FROM channels
    GROUP BY customer_id
)
SELECT coalesce(c.customer_id, d.customer_id) AS customer_id, c.main_channel, c.channels_used, d.device AS main_device
FROM named AS c
FULL JOIN (SELECT customer_id, device FROM devices WHERE place = 1) AS d ON d.customer_id = c.customer_id
