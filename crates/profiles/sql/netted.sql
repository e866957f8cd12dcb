-- netted: purchases and cancellations, each with what is left of it.
-- A cancellation takes its units from the purchases of the same customer and item that came before it, the latest
-- first, and never more than there are. That is a stack: purchases put units on it, cancellations take units off.
WITH events AS (
    SELECT
        *,
        CASE WHEN is_cancellation THEN -abs(quantity) ELSE quantity END AS step,
        -- The time order. The columns after the time only make it the same in every build.
        row_number() OVER (
            PARTITION BY customer_id, item_id
            ORDER BY ordered_s, is_cancellation, order_id, unit_price_minor, quantity, item_name, category, country,
                     line_key, file_idx, source_row
        ) AS event_no
    FROM checked
    WHERE reason IS NULL OR reason = 'cancellation'
),
summed AS (
    SELECT
        *,
        sum(step) OVER (
            PARTITION BY customer_id, item_id ORDER BY event_no ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS level
    FROM events
),
stacked AS (
    SELECT
        *,
        -- The height of a stack that stays at zero where the running sum would fall below it.
        level - least(
            0,
            min(level) OVER (
                PARTITION BY customer_id, item_id ORDER BY event_no ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            )
        ) AS height
    FROM summed
),
lowest AS (
    SELECT
        *,
        lag(height) OVER (PARTITION BY customer_id, item_id ORDER BY event_no) AS height_before,
        -- How far the stack falls from here on: what lies above that is taken back.
        min(height) OVER (
            PARTITION BY customer_id, item_id ORDER BY event_no DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS low
    FROM stacked
)
SELECT
    file_idx, source_row, order_id, item_id, item_name, category, quantity_text, ordered_at_text, unit_price_text,
    quantity, ordered_s, unit_price_minor, customer_id, country, is_goods, is_cancellation,
    CASE WHEN is_cancellation THEN 0 ELSE greatest(0, low - (height - step)) END AS kept_quantity,
    CASE WHEN is_cancellation THEN coalesce(height_before, 0) - height ELSE 0 END AS taken_back
FROM lowest
