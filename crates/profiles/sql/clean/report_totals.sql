-- report_totals: the counts and sums of the report, one row.
SELECT r.rows_checked + u.rows_unreadable AS rows_read, r.* EXCEPT (rows_checked), p.*, n.*, k.*, i.*
FROM (
    SELECT
        count(*)                                                                                          AS rows_checked,
        coalesce(sum(CASE WHEN ordered_at_text IS NOT NULL AND ordered_at IS NULL THEN 1 ELSE 0 END), 0)  AS bad_dates,
        coalesce(sum(CASE WHEN quantity_text IS NOT NULL AND quantity IS NULL THEN 1 ELSE 0 END), 0)      AS bad_quantities,
        coalesce(sum(CASE WHEN unit_price_text IS NOT NULL AND unit_price_minor IS NULL THEN 1 ELSE 0 END), 0) AS bad_prices
    FROM checked
) AS r
CROSS JOIN (
    SELECT
        coalesce(sum(CASE WHEN is_cancellation THEN 0 ELSE 1 END), 0)                                     AS purchase_rows,
        CAST(coalesce(sum(exact_minor), 0) AS VARCHAR)                                                    AS purchases_exact_minor,
        coalesce(sum(rounded_minor), 0)                                                                   AS purchases_minor,
        coalesce(sum(CASE WHEN is_cancellation THEN 1 ELSE 0 END), 0)                                     AS cancellations,
        CAST(coalesce(sum(CASE WHEN is_cancellation THEN abs(quantity) END), 0) AS VARCHAR)               AS units_cancelled
    FROM (
        SELECT
            is_cancellation,
            quantity,
            CASE WHEN NOT is_cancellation THEN quantity * unit_price_minor END AS exact_minor,
            CASE WHEN NOT is_cancellation
                 THEN CAST(CAST(quantity * unit_price_minor AS DECIMAL(38, 0)) AS BIGINT) END AS rounded_minor
        FROM checked
        WHERE reason IS NULL OR reason = 'cancellation'
    )
) AS p
CROSS JOIN (
    SELECT
        CAST(coalesce(sum(taken_back), 0) AS VARCHAR)                                                     AS units_netted,
        coalesce(sum(CASE WHEN NOT is_cancellation AND kept_quantity = 0 THEN 1 ELSE 0 END), 0)           AS purchases_removed,
        coalesce(sum(CASE WHEN NOT is_cancellation AND kept_quantity > 0 AND kept_quantity < quantity
                          THEN 1 ELSE 0 END), 0)                                                          AS purchases_reduced
    FROM netted
) AS n
CROSS JOIN (
    SELECT
        count(*)                               AS rows_kept,
        coalesce(sum(amount_minor), 0)         AS kept_minor,
        count(DISTINCT item_id)                AS items
    FROM purchases
) AS k
CROSS JOIN (
    SELECT
        count(*)                                                     AS goods,
        count(DISTINCT own_category)                                 AS categories,
        coalesce(sum(CASE WHEN in_table THEN 0 ELSE 1 END), 0)       AS items_left_out
    FROM items
) AS i
CROSS JOIN (
    SELECT count(*) AS rows_unreadable FROM unreadable WHERE kind = 'orders'
) AS u
