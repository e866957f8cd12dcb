-- event_days: the counted events of all files, by the members that visitors are known to be. A day of a customer may have
-- several rows of the same hour, kind, channel and device: of several ids, or from several files.
SELECT
    coalesce(i.customer_id, p.customer_id) AS customer_id,
    p.day,
    p.hour,
    p.kind,
    p.channel,
    p.device,
    p.n,
    p.last_s,
    p.value_minor,
    p.n_sentiments,
    p.sentiment_milli,
    p.n_ratings,
    p.rating_milli
FROM parts AS p
LEFT JOIN identities AS i ON i.alias = p.customer_id
LEFT JOIN tombstones AS t ON t.visitor = p.customer_id
WHERE t.visitor IS NULL
