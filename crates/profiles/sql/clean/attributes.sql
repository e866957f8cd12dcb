-- checked_attributes: one row a cell of the customer files that has a value, for rows that are sound. `reason` says what is
-- wrong with the cell. Of several values of one customer and name the one declared last holds; of equal ones the later row.
SELECT
    a.row_no, a.file_idx, a.source_row, c.customer_id, a.name, a.value, a.is_inferred, c.declared_s, f.feed,
    a.fault AS reason,
    a.text,
    row_number() OVER (
        PARTITION BY c.customer_id, a.name, a.fault IS NULL
        ORDER BY coalesce(c.declared_s, -1) DESC, a.row_no DESC
    ) AS place
FROM read_attributes AS a
JOIN checked_customers AS c ON c.row_no = a.row_no
JOIN files AS f ON f.file_idx = a.file_idx
WHERE c.reason IS NULL AND (a.value IS NOT NULL OR a.fault IS NOT NULL)
