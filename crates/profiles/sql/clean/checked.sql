-- checked: every order line read, with everything that is wrong with it. One row in, one row out.
-- `reason` is the first check that fails, in the order of the CASE; it is null for a purchase. The customer is the
-- member that an alias is known to belong to (identities); `given_id` is the id as the file has it.
WITH numbered AS (
    SELECT
        s.* EXCEPT (customer_id, unit_price_minor, unit_price_text),
        -- A file has the price of a piece or that of the line; a line price keeps six decimals a piece.
        coalesce(
            s.unit_price_minor,
            CASE WHEN s.unit_price_text IS NULL AND s.quantity <> 0
                 THEN CAST(s.amount_minor / abs(s.quantity) AS DECIMAL(19, 6)) END
        )                                          AS unit_price_minor,
        coalesce(s.unit_price_text, s.amount_text) AS unit_price_text,
        s.customer_id                              AS given_id,
        coalesce(i.customer_id, s.customer_id)     AS customer_id,
        t.visitor IS NOT NULL                      AS erased,
        to_unixtime(s.ordered_at)                  AS ordered_s,
        d.row_no IS NOT NULL                       AS is_copy,
        coalesce(d.by_key, false)                  AS is_copy_by_key
    FROM read_orders AS s
    LEFT JOIN copies_orders AS d ON d.row_no = s.row_no
    LEFT JOIN identities AS i ON i.alias = s.customer_id
    LEFT JOIN tombstones AS t ON t.visitor = s.customer_id
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
        coalesce(ordered_s < n.earliest_s, false)                     AS date_too_early,
        coalesce(ordered_s > p.as_of_s, false)                        AS date_too_late,
        is_copy AND NOT is_copy_by_key                                AS duplicate,
        is_copy AND is_copy_by_key                                    AS duplicate_key,
        customer_id IS NULL                                           AS missing_customer,
        coalesce(NOT is_cancellation AND quantity <= 0, false)        AS nonpositive_quantity,
        coalesce(NOT is_cancellation AND unit_price_minor <= 0, false) AS nonpositive_price,
        -- 10^12 minor units: no line of a shop, and small enough that no sum of lines overflows.
        coalesce(abs(quantity * unit_price_minor) >= 1000000000000, false) AS amount_too_large,
        n.channel IS NOT NULL AND h.channel IS NULL                   AS unknown_code,
        -- A list price that is no number says nothing; the line itself is sound.
        list_price_text IS NOT NULL AND list_price_minor IS NULL      AS bad_list_price,
        h.channel                                                     AS known_channel
    FROM numbered AS n
    LEFT JOIN channels AS h ON h.channel = lower(n.channel)
    CROSS JOIN clock AS p
),
judged AS (
    SELECT
        *,
        CASE
            WHEN erased               THEN 'erased'
            WHEN missing_order        THEN 'missing_order'
            WHEN missing_item         THEN 'missing_item'
            WHEN bad_date             THEN 'bad_date'
            WHEN bad_quantity         THEN 'bad_quantity'
            WHEN bad_price            THEN 'bad_price'
            WHEN date_too_early       THEN 'date_too_early'
            WHEN date_too_late        THEN 'date_too_late'
            WHEN duplicate            THEN 'duplicate'
            WHEN duplicate_key        THEN 'duplicate_key'
            WHEN missing_customer     THEN 'missing_customer'
            WHEN fault IS NOT NULL    THEN fault
            WHEN unknown_code         THEN 'unknown_code'
            WHEN is_cancellation      THEN 'cancellation'
            WHEN nonpositive_quantity THEN 'nonpositive_quantity'
            WHEN nonpositive_price    THEN 'nonpositive_price'
            WHEN amount_too_large     THEN 'amount_too_large'
        END AS reason
    FROM checks
)
SELECT
    row_no, file_idx, source_row, order_id, item_id, item_name, category, brand, quantity, ordered_at, ordered_s,
    unit_price_minor, list_price_minor, customer_id, country, known_channel, campaign, is_goods, line_key,
    is_cancellation, fault, fault_field, fault_text,
    -- Texts as the file has them: only of rows that are put aside is there anything to say.
    CASE WHEN reason IS NOT NULL THEN quantity_text END   AS quantity_text,
    CASE WHEN reason IS NOT NULL THEN ordered_at_text END AS ordered_at_text,
    CASE WHEN reason IS NOT NULL THEN unit_price_text END AS unit_price_text,
    CASE WHEN reason IS NOT NULL THEN channel END         AS channel,
    erased, missing_order, missing_item, bad_date, bad_quantity, bad_price, date_too_early, date_too_late, duplicate,
    duplicate_key, missing_customer, nonpositive_quantity, nonpositive_price, amount_too_large, unknown_code,
    bad_list_price,
    reason
FROM judged
