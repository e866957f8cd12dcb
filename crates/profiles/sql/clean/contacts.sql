-- checked_contacts: every contact with the shop's service, with the first thing that is wrong with it. A contact that does
-- not say whether it is settled is settled.
WITH checks AS (
    SELECT
        r.* EXCEPT (customer_id, reason),
        coalesce(i.customer_id, r.customer_id)  AS customer_id,
        t.visitor IS NOT NULL                   AS erased,
        r.reason                                AS said_reason,
        CAST(to_unixtime(r.at) AS BIGINT)       AS at_s,
        d.row_no IS NOT NULL                    AS is_copy,
        coalesce(d.by_key, false)               AS is_copy_by_key,
        p.as_of_s
    FROM read_contacts AS r
    LEFT JOIN copies_contacts AS d ON d.row_no = r.row_no
    LEFT JOIN identities AS i ON i.alias = r.customer_id
    LEFT JOIN tombstones AS t ON t.visitor = r.customer_id
    CROSS JOIN clock AS p
),
judged AS (
    SELECT
        *,
        CASE
            WHEN erased                                              THEN 'erased'
            WHEN customer_id IS NULL                                 THEN 'missing_customer'
            WHEN at_s IS NULL                                        THEN 'bad_date'
            WHEN at_s < earliest_s                                   THEN 'date_too_early'
            WHEN at_s > as_of_s                                      THEN 'date_too_late'
            WHEN is_copy AND NOT is_copy_by_key                      THEN 'duplicate'
            WHEN is_copy                                             THEN 'duplicate_key'
            WHEN fault IS NOT NULL                                   THEN fault
            WHEN is_open_text IS NOT NULL AND is_open IS NULL        THEN 'bad_value'
        END AS reason
    FROM checks
)
SELECT
    row_no, file_idx, source_row, customer_id, at_s, said_reason, outcome,
    coalesce(is_open, false) AS is_open,
    reason,
    CASE
        WHEN reason = 'missing_customer'                                THEN 'customer_id'
        WHEN reason IN ('bad_date', 'date_too_early', 'date_too_late')  THEN 'at'
        WHEN reason = 'bad_value'                                       THEN 'is_open'
        WHEN reason = fault                                             THEN fault_field
    END AS field,
    CASE
        WHEN reason IN ('bad_date', 'date_too_early', 'date_too_late')  THEN at_text
        WHEN reason = 'bad_value'                                       THEN is_open_text
        WHEN reason = fault                                             THEN fault_text
    END AS text
FROM judged
