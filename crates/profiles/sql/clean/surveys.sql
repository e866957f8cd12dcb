-- checked_surveys: every answer read, with the first thing that is wrong with it. A choice has an answer, a scale question
-- a score; `score_max` is the upper end of the scale, 5 or 10 as a rule.
WITH checks AS (
    SELECT
        r.* EXCEPT (customer_id),
        coalesce(i.customer_id, r.customer_id)  AS customer_id,
        t.visitor IS NOT NULL                   AS erased,
        CAST(to_unixtime(r.at) AS BIGINT)       AS at_s,
        d.row_no IS NOT NULL                    AS is_copy,
        coalesce(d.by_key, false)               AS is_copy_by_key,
        p.as_of_s
    FROM read_surveys AS r
    LEFT JOIN copies_surveys AS d ON d.row_no = r.row_no
    LEFT JOIN identities AS i ON i.alias = r.customer_id
    LEFT JOIN tombstones AS t ON t.visitor = r.customer_id
    CROSS JOIN clock AS p
),
judged AS (
    SELECT
        *,
        CASE
            WHEN erased                                                       THEN 'erased'
            WHEN customer_id IS NULL                                          THEN 'missing_customer'
            WHEN question IS NULL                                             THEN 'missing_question'
            WHEN at_text IS NOT NULL AND at_s IS NULL                         THEN 'bad_date'
            WHEN at_s < earliest_s                                            THEN 'date_too_early'
            WHEN at_s > as_of_s                                               THEN 'date_too_late'
            WHEN is_copy AND NOT is_copy_by_key                               THEN 'duplicate'
            WHEN is_copy                                                      THEN 'duplicate_key'
            WHEN fault IS NOT NULL                                            THEN fault
            WHEN score_text IS NOT NULL AND score IS NULL                     THEN 'bad_score'
            WHEN score_max_text IS NOT NULL AND coalesce(score_max, 0) <= 0   THEN 'bad_score'
            WHEN score < 0 OR score > score_max                               THEN 'score_out_of_scale'
            WHEN answer IS NULL AND score IS NULL                             THEN 'missing_answer'
        END AS reason
    FROM checks
)
SELECT
    row_no, file_idx, source_row, customer_id, question, answer,
    CAST(score AS DOUBLE)      AS score,
    CAST(score_max AS DOUBLE)  AS score_max,
    at_s,
    reason,
    CASE
        WHEN reason = 'missing_customer'                                THEN 'customer_id'
        WHEN reason = 'missing_question'                                THEN 'question'
        WHEN reason IN ('bad_date', 'date_too_early', 'date_too_late')  THEN 'at'
        WHEN reason = 'missing_answer'                                  THEN 'answer'
        WHEN reason = 'score_out_of_scale'                              THEN 'score'
        WHEN reason = 'bad_score' AND score_text IS NOT NULL AND score IS NULL THEN 'score'
        WHEN reason = 'bad_score'                                       THEN 'score_max'
        WHEN reason = fault                                             THEN fault_field
    END AS field,
    CASE
        WHEN reason IN ('bad_date', 'date_too_early', 'date_too_late')  THEN at_text
        WHEN reason = 'score_out_of_scale'                              THEN score_text
        WHEN reason = 'bad_score' AND score_text IS NOT NULL AND score IS NULL THEN score_text
        WHEN reason = 'bad_score'                                       THEN score_max_text
        WHEN reason = fault                                             THEN fault_text
    END AS text
FROM judged
