-- event_days: all events, counted by customer, day, hour, kind, channel and device.
SELECT
    customer_id,
    day,
    hour,
    kind,
    channel,
    device,
    sum(n)                 AS n,
    max(last_s)            AS last_s,
    sum(value_minor)       AS value_minor,
    sum(n_sentiments)      AS n_sentiments,
    sum(sentiment_milli)   AS sentiment_milli,
    sum(n_ratings)         AS n_ratings,
    sum(rating_milli)      AS rating_milli
FROM parts
GROUP BY customer_id, day, hour, kind, channel, device
