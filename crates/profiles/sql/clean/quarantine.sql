-- quarantine: every row (of customer files: also single cells) that was set aside, with the reason, and the field and text
-- that it is about. No customer. Whoever was erased leaves nothing but the number of the row.
SELECT f.file, q.file_idx, q.source_row, q.kind, q.reason, q.field, q.text
FROM (
    SELECT
        c.row_no, c.file_idx, c.source_row, 'orders' AS kind, coalesce(c.reason, 'netted') AS reason,
        CASE
            WHEN c.reason = 'missing_order'                                              THEN 'order_id'
            WHEN c.reason = 'missing_item'                                               THEN 'item_id'
            WHEN c.reason IN ('bad_date', 'date_too_early', 'date_too_late')             THEN 'ordered_at'
            WHEN c.reason IN ('bad_quantity', 'nonpositive_quantity', 'cancellation')    THEN 'quantity'
            WHEN c.reason IN ('bad_price', 'nonpositive_price', 'amount_too_large')      THEN 'unit_price'
            WHEN c.reason = 'missing_customer'                                           THEN 'customer_id'
            WHEN c.reason = c.fault                                                      THEN c.fault_field
            WHEN c.reason = 'unknown_code'                                               THEN 'channel'
        END AS field,
        CASE
            WHEN c.reason = 'missing_item'                                               THEN c.item_id
            WHEN c.reason IN ('bad_date', 'date_too_early', 'date_too_late')             THEN c.ordered_at_text
            WHEN c.reason IN ('bad_quantity', 'nonpositive_quantity', 'cancellation')    THEN c.quantity_text
            WHEN c.reason IN ('bad_price', 'nonpositive_price', 'amount_too_large')      THEN c.unit_price_text
            WHEN c.reason = c.fault                                                      THEN c.fault_text
            WHEN c.reason = 'unknown_code'                                               THEN c.channel
        END AS text
    FROM checked AS c
    LEFT JOIN netted AS n ON n.row_no = c.row_no
    WHERE c.reason IS NOT NULL OR n.kept_quantity = 0
    UNION ALL
    SELECT row_no, file_idx, source_row, kind, reason, field, text FROM unreadable
    UNION ALL
    SELECT row_no, file_idx, source_row, 'events', reason, field, text FROM rejected_events
    UNION ALL
    SELECT row_no, file_idx, source_row, 'catalogue', reason, field, text FROM checked_catalogue WHERE reason IS NOT NULL
    UNION ALL
    SELECT row_no, file_idx, source_row, 'customers', reason, field, text FROM checked_customers WHERE reason IS NOT NULL
    UNION ALL
    SELECT row_no, file_idx, source_row, 'customers', reason, name, text FROM checked_attributes WHERE reason IS NOT NULL
    UNION ALL
    SELECT row_no, file_idx, source_row, 'catalogue', fault, name, text FROM catalogue_cells WHERE fault IS NOT NULL
    UNION ALL
    SELECT row_no, file_idx, source_row, 'surveys', reason, field, text FROM checked_surveys WHERE reason IS NOT NULL
    UNION ALL
    SELECT row_no, file_idx, source_row, 'contacts', reason, field, text FROM checked_contacts WHERE reason IS NOT NULL
    UNION ALL
    SELECT row_no, file_idx, source_row, 'identities', reason, field, text FROM checked_identities WHERE reason IS NOT NULL
    UNION ALL
    SELECT row_no, file_idx, source_row, 'costs', reason, field, text FROM checked_costs WHERE reason IS NOT NULL
) AS q
JOIN files AS f ON f.file_idx = q.file_idx
ORDER BY q.row_no, q.field
