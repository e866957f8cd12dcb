-- quarantine: every row read that is no purchase, as it was written, with the reason. No customer.
SELECT
    f.file,
    c.file_idx,
    c.source_row,
    coalesce(c.reason, 'netted') AS reason,
    c.item_id,
    c.quantity_text,
    c.unit_price_text,
    c.ordered_at_text
FROM checked AS c
LEFT JOIN netted AS n ON n.row_no = c.row_no
JOIN files AS f ON f.file_idx = c.file_idx
WHERE c.reason IS NOT NULL OR n.kept_quantity = 0
ORDER BY c.row_no
