-- quarantine: every row read that is no purchase, as it was written, with the reason. No customer.
SELECT f.file, q.file_idx, q.source_row, q.reason, q.item_id, q.quantity_text, q.unit_price_text, q.ordered_at_text
FROM (
    SELECT file_idx, source_row, reason, item_id, quantity_text, unit_price_text, ordered_at_text
    FROM checked
    WHERE reason IS NOT NULL
    UNION ALL
    SELECT file_idx, source_row, 'netted' AS reason, item_id, quantity_text, unit_price_text, ordered_at_text
    FROM netted
    WHERE NOT is_cancellation AND kept_quantity = 0
) AS q
JOIN files AS f ON f.file_idx = q.file_idx
ORDER BY q.file_idx, q.source_row
