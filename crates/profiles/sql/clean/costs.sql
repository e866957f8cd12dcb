-- checked_costs: what a channel or campaign cost on a day, with the first thing that is wrong with it.
WITH checks AS (
    SELECT
        r.* EXCEPT (channel),
        r.channel             AS channel_text,
        h.channel,
        d.row_no IS NOT NULL  AS is_copy,
        coalesce(d.by_key, false) AS is_copy_by_key
    FROM read_costs AS r
    LEFT JOIN copies_costs AS d ON d.row_no = r.row_no
    LEFT JOIN channels AS h ON h.channel = lower(r.channel)
),
judged AS (
    SELECT
        *,
        CASE
            WHEN channel_text IS NULL AND campaign IS NULL   THEN 'missing_channel'
            WHEN day IS NULL                                 THEN 'bad_date'
            WHEN is_copy AND NOT is_copy_by_key              THEN 'duplicate'
            WHEN is_copy                                     THEN 'duplicate_key'
            WHEN fault IS NOT NULL                           THEN fault
            WHEN channel_text IS NOT NULL AND channel IS NULL THEN 'unknown_code'
            WHEN cost_minor IS NULL OR cost_minor < 0        THEN 'bad_cost'
            WHEN cost_minor >= 1000000000000                 THEN 'amount_too_large'
        END AS reason
    FROM checks
)
SELECT
    row_no, file_idx, source_row, channel, campaign,
    CAST(floor(CAST(to_unixtime(day) AS DOUBLE) / 86400) AS BIGINT)  AS day,
    CAST(CAST(cost_minor AS DECIMAL(38, 0)) AS BIGINT)               AS cost_minor,
    reason,
    CASE
        WHEN reason IN ('missing_channel', 'unknown_code')    THEN 'channel'
        WHEN reason = 'bad_date'                              THEN 'day'
        WHEN reason IN ('bad_cost', 'amount_too_large')       THEN 'cost'
        WHEN reason = fault                                   THEN fault_field
    END AS field,
    CASE
        WHEN reason = 'unknown_code'                          THEN channel_text
        WHEN reason = 'bad_date'                              THEN day_text
        WHEN reason IN ('bad_cost', 'amount_too_large')       THEN cost_text
        WHEN reason = fault                                   THEN fault_text
    END AS text
FROM judged
