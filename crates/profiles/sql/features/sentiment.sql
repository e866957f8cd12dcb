-- sentiment: what a customer thinks, from the sentiment and ratings of reviews and other events.
--# requires = ["events"]
--# [labels.sentiment_mean]
--# means = "mean sentiment of what the customer wrote, from -1 (bad) to 1 (good)"
--# type = "linear"
--# bits = 6
--# zero = -1.0
--# max = 1.0
--# nullable = true
--# [labels.n_sentiments]
--# means = "texts with a known sentiment"
--# type = "unsigned"
--# bits = 6
--# default = 0
--# in_table = false
--# [labels.rating_mean]
--# means = "mean rating that the customer gave, on the scale of the shop"
--# type = "linear"
--# bits = 7
--# max = 10.0
--# nullable = true
--# in_table = false
SELECT
    customer_id,
    CAST(sum(sentiment_milli) AS DOUBLE) / CAST(nullif(sum(n_sentiments), 0) AS DOUBLE) / 1000.0 AS sentiment_mean,
    sum(n_sentiments)                                                                            AS n_sentiments,
    CAST(sum(rating_milli) AS DOUBLE) / CAST(nullif(sum(n_ratings), 0) AS DOUBLE) / 1000.0       AS rating_mean
FROM event_days
WHERE n_sentiments > 0 OR n_ratings > 0
GROUP BY customer_id
