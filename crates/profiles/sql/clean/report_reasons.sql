-- report_reasons: how many order lines are put aside for each reason, and how many each check applies to at all.
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
    UNION ALL SELECT 'erased',               coalesce(sum(CASE WHEN erased THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'duplicate_key',        coalesce(sum(CASE WHEN duplicate_key THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'missing_value',        coalesce(sum(CASE WHEN fault = 'missing_value' THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'invalid_value',        coalesce(sum(CASE WHEN fault = 'invalid_value' THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'bad_type',             coalesce(sum(CASE WHEN fault = 'bad_type' THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'outlier',              coalesce(sum(CASE WHEN fault = 'outlier' THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'unknown_code',         coalesce(sum(CASE WHEN unknown_code THEN 1 ELSE 0 END), 0) FROM checked
    UNION ALL SELECT 'netted',               count(*) FROM quarantine WHERE kind = 'orders' AND reason = 'netted'
    UNION ALL SELECT 'too_few_fields', count(*) FROM unreadable WHERE kind = 'orders' AND reason = 'too_few_fields'
    UNION ALL SELECT 'too_many_fields', count(*) FROM unreadable WHERE kind = 'orders' AND reason = 'too_many_fields'
    UNION ALL SELECT 'bad_quote', count(*) FROM unreadable WHERE kind = 'orders' AND reason = 'bad_quote'
    UNION ALL SELECT 'invalid_bytes', count(*) FROM unreadable WHERE kind = 'orders' AND reason = 'invalid_bytes'
    UNION ALL SELECT 'not_an_object', count(*) FROM unreadable WHERE kind = 'orders' AND reason = 'not_an_object'
    UNION ALL SELECT 'row_too_long', count(*) FROM unreadable WHERE kind = 'orders' AND reason = 'row_too_long'
) AS m
LEFT JOIN (SELECT reason, count(*) AS n FROM quarantine WHERE kind = 'orders' GROUP BY reason) AS q ON q.reason = m.code
