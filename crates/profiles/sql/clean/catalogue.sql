-- checked_catalogue: every row of the catalogue, with the first thing that is wrong with it. Of several rows of one
-- item the last one holds.
WITH ranked AS (
    SELECT
        r.*,
        row_number() OVER (PARTITION BY r.item_id, r.fault IS NULL ORDER BY r.row_no DESC) AS place
    FROM read_catalogue AS r
),
judged AS (
    SELECT
        *,
        CASE
            WHEN item_id IS NULL OR octet_length(item_id) > 128      THEN 'missing_item'
            WHEN fault IS NOT NULL                                   THEN fault
            WHEN place > 1                                           THEN 'duplicate_key'
            WHEN price_text IS NOT NULL AND price_minor IS NULL      THEN 'bad_price'
            WHEN price_minor < 0                                     THEN 'bad_price'
            WHEN cost_text IS NOT NULL AND cost_minor IS NULL        THEN 'bad_cost'
            WHEN cost_minor < 0                                      THEN 'bad_cost'
            WHEN stock_text IS NOT NULL AND stock IS NULL            THEN 'bad_stock'
        END AS reason
    FROM ranked
)
SELECT
    row_no, file_idx, source_row, item_id, item_name, category, brand,
    CAST(CAST(price_minor AS DECIMAL(38, 0)) AS BIGINT)  AS price_minor,
    CAST(CAST(cost_minor AS DECIMAL(38, 0)) AS BIGINT)   AS cost_minor,
    CAST(trunc(CAST(stock AS DOUBLE)) AS BIGINT)         AS stock,
    attributes,
    reason,
    CASE
        WHEN reason = 'missing_item' OR reason = 'duplicate_key' THEN 'item_id'
        WHEN reason = 'bad_price'                                THEN 'price'
        WHEN reason = 'bad_cost'                                 THEN 'cost'
        WHEN reason = 'bad_stock'                                THEN 'stock'
        WHEN reason = fault                                      THEN fault_field
    END AS field,
    CASE
        WHEN reason = 'missing_item' OR reason = 'duplicate_key' THEN item_id
        WHEN reason = 'bad_price'                                THEN price_text
        WHEN reason = 'bad_cost'                                 THEN cost_text
        WHEN reason = 'bad_stock'                                THEN stock_text
        WHEN reason = fault                                      THEN fault_text
    END AS text
FROM judged
