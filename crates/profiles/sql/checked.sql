-- checked: every row read, with everything that is wrong with it. One row in, one row out.
-- `reason` is the first check that fails, in the order of the CASE; it is null for a purchase.
WITH first_copies AS (
    -- Of rows that say the same in every mapped field, the first one stays.
    SELECT min(row_no) AS row_no
    FROM staged
    GROUP BY order_id, item_id, item_name, category, quantity_text, ordered_at_text, unit_price_text, customer_id,
             country, is_goods, line_key
),
numbered AS (
    SELECT s.*, to_unixtime(s.ordered_at) AS ordered_s, f.row_no IS NULL AS is_copy
    FROM staged AS s
    LEFT JOIN first_copies AS f ON f.row_no = s.row_no
),
checks AS (
    SELECT
        n.*,
        order_id IS NULL                                              AS missing_order,
        -- The item table holds ids of up to 128 bytes.
        item_id IS NULL OR octet_length(item_id) > 128                AS missing_item,
        ordered_at IS NULL                                            AS bad_date,
        quantity IS NULL                                              AS bad_quantity,
        unit_price_minor IS NULL                                      AS bad_price,
        coalesce(ordered_s < p.earliest_s, false)                     AS date_too_early,
        coalesce(ordered_s > p.as_of_s, false)                        AS date_too_late,
        is_copy AND p.drop_duplicates                                 AS duplicate,
        customer_id IS NULL                                           AS missing_customer,
        coalesce(NOT is_cancellation AND quantity <= 0, false)        AS nonpositive_quantity,
        coalesce(NOT is_cancellation AND unit_price_minor <= 0, false) AS nonpositive_price,
        -- 10^12 minor units: no line of a shop, and small enough that no sum of lines overflows.
        coalesce(abs(quantity * unit_price_minor) >= 1000000000000, false) AS amount_too_large
    FROM numbered AS n
    CROSS JOIN params AS p
)
SELECT
    row_no, file_idx, source_row, order_id, item_id, item_name, category, quantity_text, quantity, ordered_at_text, ordered_at,
    ordered_s, unit_price_text, unit_price_minor, customer_id, country, is_goods, line_key, is_cancellation,
    missing_order, missing_item, bad_date, bad_quantity, bad_price, date_too_early, date_too_late, duplicate,
    missing_customer, nonpositive_quantity, nonpositive_price, amount_too_large,
    CASE
        WHEN missing_order        THEN 'missing_order'
        WHEN missing_item         THEN 'missing_item'
        WHEN bad_date             THEN 'bad_date'
        WHEN bad_quantity         THEN 'bad_quantity'
        WHEN bad_price            THEN 'bad_price'
        WHEN date_too_early       THEN 'date_too_early'
        WHEN date_too_late        THEN 'date_too_late'
        WHEN duplicate            THEN 'duplicate'
        WHEN missing_customer     THEN 'missing_customer'
        WHEN is_cancellation      THEN 'cancellation'
        WHEN nonpositive_quantity THEN 'nonpositive_quantity'
        WHEN nonpositive_price    THEN 'nonpositive_price'
        WHEN amount_too_large     THEN 'amount_too_large'
    END AS reason
FROM checks
