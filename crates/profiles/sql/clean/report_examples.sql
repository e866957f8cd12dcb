-- report_examples: the first three order lines of each reason. Of whoever was erased only the number of the row.
SELECT
    q.reason, q.file, q.source_row,
    CASE WHEN q.reason <> 'erased' THEN c.item_id END          AS item_id,
    CASE WHEN q.reason <> 'erased' THEN c.quantity_text END    AS quantity_text,
    CASE WHEN q.reason <> 'erased' THEN coalesce(c.unit_price_text, c.amount_text) END AS unit_price_text,
    CASE WHEN q.reason <> 'erased' THEN c.ordered_at_text END  AS ordered_at_text
FROM (
    SELECT *, row_number() OVER (PARTITION BY reason ORDER BY file_idx, source_row) AS example_no
    FROM quarantine
    WHERE kind = 'orders'
) AS q
JOIN read_orders AS c ON c.file_idx = q.file_idx AND c.source_row = q.source_row
WHERE q.example_no <= 3
ORDER BY q.reason, q.example_no
