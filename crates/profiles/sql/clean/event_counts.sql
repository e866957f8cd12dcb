-- event_counts: what the report says of the sound events of one file, counted: `n` events by `key`, for each `what`. Bins of
-- values are quarters of a power of ten; -1000 is zero, -2000 is less.
SELECT 'visitor' AS what, customer_id AS key, count(*) AS n
FROM judged WHERE set_aside IS NULL GROUP BY customer_id
UNION ALL
SELECT 'item' AS what, item_id AS key, count(*) AS n
FROM judged WHERE set_aside IS NULL AND item_id IS NOT NULL GROUP BY item_id
UNION ALL
SELECT 'kind' AS what, kind AS key, count(*) AS n
FROM judged WHERE set_aside IS NULL GROUP BY kind
UNION ALL
SELECT 'channel' AS what, channel AS key, count(*) AS n
FROM judged WHERE set_aside IS NULL AND channel IS NOT NULL GROUP BY channel
UNION ALL
SELECT 'device' AS what, device AS key, count(*) AS n
FROM judged WHERE set_aside IS NULL AND device IS NOT NULL GROUP BY device
UNION ALL
SELECT 'value_minor' AS what, CAST(bin AS VARCHAR) AS key, count(*) AS n
FROM (
    SELECT
        CASE WHEN value_minor > 0 THEN CAST(floor(4 * log10(CAST(value_minor AS DOUBLE))) AS BIGINT)
             WHEN value_minor = 0 THEN -1000 ELSE -2000 END AS bin
    FROM judged WHERE set_aside IS NULL AND value_minor IS NOT NULL
)
GROUP BY bin
