-- checked_customers: every row of a customer file, with the first thing that is wrong with the row as a whole. What is
-- wrong with a single cell sets only that cell aside: see checked_attributes.
WITH checks AS (
    SELECT
        r.* EXCEPT (customer_id),
        coalesce(i.customer_id, r.customer_id)     AS customer_id,
        t.visitor IS NOT NULL                      AS erased,
        CAST(to_unixtime(r.declared_at) AS BIGINT) AS declared_s,
        d.row_no IS NOT NULL                       AS is_copy,
        coalesce(d.by_key, false)                  AS is_copy_by_key,
        p.as_of_s
    FROM read_customers AS r
    LEFT JOIN copies_customers AS d ON d.row_no = r.row_no
    LEFT JOIN identities AS i ON i.alias = r.customer_id
    LEFT JOIN tombstones AS t ON t.visitor = r.customer_id
    CROSS JOIN clock AS p
),
judged AS (
    SELECT
        *,
        CASE
            WHEN erased                                                THEN 'erased'
            WHEN customer_id IS NULL                                   THEN 'missing_customer'
            WHEN declared_at_text IS NOT NULL AND declared_at IS NULL  THEN 'bad_date'
            WHEN declared_s < earliest_s                               THEN 'date_too_early'
            WHEN declared_s > as_of_s                                  THEN 'date_too_late'
            WHEN is_copy AND NOT is_copy_by_key                        THEN 'duplicate'
            WHEN is_copy                                               THEN 'duplicate_key'
            WHEN fault IS NOT NULL                                     THEN fault
        END AS reason
    FROM checks
)
SELECT
    row_no, file_idx, source_row, customer_id, declared_s, reason,
    CASE
        WHEN reason = 'missing_customer'                                THEN 'customer_id'
        WHEN reason IN ('bad_date', 'date_too_early', 'date_too_late')  THEN 'declared_at'
        WHEN reason = fault                                             THEN fault_field
    END AS field,
    CASE
        WHEN reason IN ('bad_date', 'date_too_early', 'date_too_late')  THEN declared_at_text
        WHEN reason = fault                                             THEN fault_text
    END AS text
FROM judged
