-- checked_attributes: one row a cell of the customer files that has a value, for rows that are sound. `reason` says what is
-- wrong with the cell. Of several values of one customer and name the one declared last holds; of equal ones the later row.
WITH twice AS (
    SELECT customer_id FROM checked_customers WHERE reason IS NULL GROUP BY customer_id HAVING count(*) > 1
),
sound AS (
    SELECT c.row_no, c.customer_id, c.declared_s, t.customer_id IS NOT NULL AS is_twice
    FROM checked_customers AS c
    LEFT JOIN twice AS t ON t.customer_id = c.customer_id
    WHERE c.reason IS NULL
),
cells AS (
    SELECT
        a.row_no, a.file_idx, a.source_row, c.customer_id, a.name, a.value, a.is_inferred, c.declared_s, f.feed,
        a.fault AS reason, a.text, c.is_twice
    FROM read_attributes AS a
    JOIN sound AS c ON c.row_no = a.row_no
    JOIN files AS f ON f.file_idx = a.file_idx
    WHERE a.value IS NOT NULL OR a.fault IS NOT NULL
)
-- Most customers have one row: only the others' cells are put in order.
SELECT * EXCEPT (is_twice), 1 AS place FROM cells WHERE NOT is_twice
UNION ALL
SELECT
    * EXCEPT (is_twice),
    CAST(row_number() OVER (
        PARTITION BY customer_id, name, reason IS NULL
        ORDER BY coalesce(declared_s, -1) DESC, row_no DESC
    ) AS BIGINT) AS place
FROM cells
WHERE is_twice
