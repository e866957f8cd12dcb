-- checked_identities: every link between an alias (a browser's id, an old member number) and a member, with the first
-- thing that is wrong with it. `is_unlink` takes earlier links of the two back. Later ones hold again.
WITH judged AS (
    SELECT
        r.*,
        CAST(to_unixtime(r.at) AS BIGINT)  AS at_s,
        CASE
            WHEN alias IS NULL                                       THEN 'missing_alias'
            WHEN customer_id IS NULL                                 THEN 'missing_customer'
            WHEN at_text IS NOT NULL AND at IS NULL                  THEN 'bad_date'
            WHEN is_unlinked_text IS NOT NULL AND is_unlinked IS NULL THEN 'bad_value'
            WHEN fault IS NOT NULL                                   THEN fault
        END AS reason
    FROM read_identities AS r
)
SELECT
    row_no, file_idx, source_row, alias, customer_id, at_s,
    coalesce(is_unlinked, false) AS is_unlink,
    reason,
    CASE
        WHEN reason = 'missing_alias'     THEN 'alias'
        WHEN reason = 'missing_customer'  THEN 'customer_id'
        WHEN reason = 'bad_date'          THEN 'at'
        WHEN reason = 'bad_value'         THEN 'is_unlinked'
        WHEN reason = fault               THEN fault_field
    END AS field,
    CASE
        WHEN reason = 'bad_date'          THEN at_text
        WHEN reason = 'bad_value'         THEN is_unlinked_text
        WHEN reason = fault               THEN fault_text
    END AS text
FROM judged
