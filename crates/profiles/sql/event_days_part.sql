-- event_days_part: the events of one file, counted by the id that was sent, day, hour, kind, channel and device. Whole numbers, so
-- that sums over files do not depend on their order. Days are days since 1970-01-01.
SELECT
    customer_id,
    at_s / 86400                                     AS day,
    (at_s % 86400) / 3600                            AS hour,
    kind,
    channel,
    device,
    count(*)                                         AS n,
    max(at_s)                                        AS last_s,
    coalesce(sum(value_minor), 0)                    AS value_minor,
    count(sentiment_milli)                           AS n_sentiments,
    coalesce(sum(sentiment_milli), 0)                AS sentiment_milli,
    count(rating)                                    AS n_ratings,
    coalesce(sum(CAST(round(rating * 1000) AS BIGINT)), 0) AS rating_milli
FROM part
WHERE customer_id IS NOT NULL AND at_s >= 0
GROUP BY customer_id, at_s / 86400, (at_s % 86400) / 3600, kind, channel, device
