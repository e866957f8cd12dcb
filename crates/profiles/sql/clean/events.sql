-- judged_events: every event of a file, with the first thing that is wrong with it (`reason`, in the order of the CASE).
-- The customer is the id that was sent: who that is, and whether they were erased, is looked up afterwards, so that no
-- file is judged again for it.
WITH checks AS (
    SELECT
        r.* EXCEPT (kind, channel, device, reason),
        CAST(to_unixtime(r.at) AS BIGINT)           AS at_s,
        d.row_no IS NOT NULL                        AS is_copy,
        coalesce(d.by_key, false)                   AS is_copy_by_key,
        r.kind                                      AS kind_text,
        k.kind,
        r.channel                                   AS channel_text,
        h.channel,
        r.device                                    AS device_text,
        v.device,
        r.reason                                    AS said_reason,
        p.as_of_s
    FROM read_events AS r
    LEFT JOIN copies_events AS d ON d.row_no = r.row_no
    LEFT JOIN event_kinds AS k ON k.kind = lower(r.kind)
    LEFT JOIN channels AS h ON h.channel = lower(r.channel)
    LEFT JOIN devices AS v ON v.device = lower(r.device)
    CROSS JOIN clock AS p
),
judged AS (
    SELECT
        *,
        CASE
            WHEN kind_text IS NULL                                        THEN 'missing_kind'
            WHEN kind IS NULL                                             THEN 'unknown_code'
            WHEN at_s IS NULL                                             THEN 'bad_date'
            WHEN at_s < earliest_s                                        THEN 'date_too_early'
            WHEN at_s > as_of_s                                           THEN 'date_too_late'
            WHEN is_copy AND NOT is_copy_by_key                           THEN 'duplicate'
            WHEN is_copy                                                  THEN 'duplicate_key'
            WHEN customer_id IS NULL                                      THEN 'missing_customer'
            WHEN fault IS NOT NULL                                        THEN fault
            WHEN channel_text IS NOT NULL AND channel IS NULL             THEN 'unknown_code'
            WHEN device_text IS NOT NULL AND device IS NULL               THEN 'unknown_code'
            WHEN value_text IS NOT NULL AND value_minor IS NULL           THEN 'bad_value'
            WHEN abs(value_minor) >= 1000000000000                        THEN 'amount_too_large'
            WHEN rating_text IS NOT NULL AND rating IS NULL               THEN 'bad_value'
            WHEN sentiment_text IS NOT NULL
             AND (sentiment IS NULL OR abs(sentiment) > 1)                THEN 'bad_value'
        END AS reason
    FROM checks
)
SELECT
    row_no, file_idx, source_row, customer_id, kind, at_s, session_id, item_id, category, channel, device,
    source, placement, offer_id, campaign,
    CAST(CAST(value_minor AS DECIMAL(38, 0)) AS BIGINT)      AS value_minor,
    CAST(rating AS DOUBLE)                                   AS rating,
    -- From -1..1 to whole thousandths, so that sums do not depend on their order.
    CAST(round(CAST(sentiment AS DOUBLE) * 1000) AS BIGINT)  AS sentiment_milli,
    said_reason,
    outcome,
    reason,
    CASE
        WHEN reason IS NULL                                                 THEN NULL
        WHEN reason IN ('missing_kind')                                     THEN 'kind'
        WHEN reason IN ('bad_date', 'date_too_early', 'date_too_late')      THEN 'at'
        WHEN reason = 'missing_customer'                                    THEN 'customer_id'
        WHEN reason = fault                                                 THEN fault_field
        WHEN reason = 'unknown_code' AND kind IS NULL                       THEN 'kind'
        WHEN reason = 'unknown_code' AND channel_text IS NOT NULL AND channel IS NULL THEN 'channel'
        WHEN reason = 'unknown_code'                                        THEN 'device'
        WHEN reason = 'amount_too_large'                                    THEN 'value'
        WHEN reason = 'bad_value' AND value_text IS NOT NULL AND value_minor IS NULL THEN 'value'
        WHEN reason = 'bad_value' AND rating_text IS NOT NULL AND rating IS NULL     THEN 'rating'
        WHEN reason = 'bad_value'                                           THEN 'sentiment'
    END AS field,
    CASE
        WHEN reason IS NULL                                                 THEN NULL
        WHEN reason IN ('bad_date', 'date_too_early', 'date_too_late')      THEN at_text
        WHEN reason = fault                                                 THEN fault_text
        WHEN reason = 'unknown_code' AND kind IS NULL                       THEN kind_text
        WHEN reason = 'unknown_code' AND channel_text IS NOT NULL AND channel IS NULL THEN channel_text
        WHEN reason = 'unknown_code'                                        THEN device_text
        WHEN reason = 'amount_too_large'                                    THEN value_text
        WHEN reason = 'bad_value' AND value_text IS NOT NULL AND value_minor IS NULL THEN value_text
        WHEN reason = 'bad_value' AND rating_text IS NOT NULL AND rating IS NULL     THEN rating_text
        WHEN reason = 'bad_value'                                           THEN sentiment_text
    END AS text
FROM judged
