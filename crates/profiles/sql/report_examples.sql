-- report_examples: the first three rows of each reason.
SELECT reason, file, source_row, item_id, quantity_text, unit_price_text, ordered_at_text
FROM (
    SELECT *, row_number() OVER (PARTITION BY reason ORDER BY file_idx, source_row) AS example_no
    FROM quarantine
)
WHERE example_no <= 3
ORDER BY reason, example_no
