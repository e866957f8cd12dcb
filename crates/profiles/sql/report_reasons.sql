-- report_reasons: how many rows are put aside for each reason, and how many each check applies to at all.
SELECT m.code, coalesce(q.n, 0) AS n_rows, m.n_matching
FROM (
              SELECT 'missing_order' AS code, coalesce(sum(CASE WHEN missing_order THEN 1 ELSE 0 END), 0) AS n_matching FROM checked
    UNION ALL SELECT 'missing_item',         coalesce(sum(CASE WHEN missing_item THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'bad_date',             coalesce(sum(CASE WHEN bad_date THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'bad_quantity',         coalesce(sum(CASE WHEN bad_quantity THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'bad_price',            coalesce(sum(CASE WHEN bad_price THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'date_too_early',       coalesce(sum(CASE WHEN date_too_early THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'date_too_late',        coalesce(sum(CASE WHEN date_too_late THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'duplicate',            coalesce(sum(CASE WHEN duplicate THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'missing_customer',     coalesce(sum(CASE WHEN missing_customer THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'cancellation',         coalesce(sum(CASE WHEN is_cancellation THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'nonpositive_quantity', coalesce(sum(CASE WHEN nonpositive_quantity THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'nonpositive_price',    coalesce(sum(CASE WHEN nonpositive_price THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'amount_too_large',     coalesce(sum(CASE WHEN amount_too_large THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'netted',               count(*) FROM quarantine WHERE reason = 'netted'
) AS m
LEFT JOIN (SELECT reason, count(*) AS n FROM quarantine GROUP BY reason) AS q ON q.reason = m.code
