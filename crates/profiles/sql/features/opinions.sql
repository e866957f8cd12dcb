-- opinions: what a customer answered in surveys. Only answers with a score and a best score count for the mean.
--# [labels.survey_score]
--# means = "mean score of survey answers, as a share of the best score"
--# type = "linear"
--# bits = 6
--# max = 1.0
--# nullable = true
--# [labels.n_surveys]
--# means = "survey answers"
--# type = "unsigned"
--# bits = 6
--# default = 0
--# in_table = false
WITH scored AS (
    SELECT
        customer_id,
        -- Whole thousandths, so that sums do not depend on their order.
        CASE WHEN score_max > 0 THEN CAST(round(1000.0 * score / score_max) AS BIGINT) END AS score_milli
    FROM surveys
    WHERE customer_id IS NOT NULL
)
SELECT
    customer_id,
    CAST(sum(score_milli) AS DOUBLE) / CAST(count(score_milli) AS DOUBLE) / 1000.0 AS survey_score,
    count(*)                                                                       AS n_surveys
FROM scored
GROUP BY customer_id
