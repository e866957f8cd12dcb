-- netted: the purchases and cancellations of customers and items of which something was cancelled, each with what is left of
-- it. All others, most of a shop, are left as they are in `checked`.
-- A cancellation takes its units from the purchases of the same customer and item that came before it, the latest
-- first, and never more than there are. That is a stack: purchases put units on it, cancellations take units off.
WITH events AS (
    -- Only what is needed: every column of these rows is sorted three times.
    SELECT
        c.row_no, c.order_id, c.item_id, c.item_name, c.category, c.brand, c.quantity, c.ordered_s, c.unit_price_minor,
        c.list_price_minor, c.customer_id, c.country, c.known_channel, c.campaign, c.is_goods, c.is_cancellation, c.line_key,
        CASE WHEN c.is_cancellation THEN -abs(c.quantity) ELSE c.quantity END AS step
    FROM checked AS c
    JOIN cancelled AS x ON x.customer_id = c.customer_id AND x.item_id = c.item_id
    WHERE c.reason IS NULL OR c.reason = 'cancellation'
),
summed AS (
    SELECT
        *,
        row_number() OVER in_time AS event_no,
        sum(step) OVER in_time    AS level
    FROM events
    -- The time order. The columns after the time only make it the same in every build.
    WINDOW in_time AS (
        PARTITION BY customer_id, item_id
        ORDER BY ordered_s, is_cancellation, order_id, unit_price_minor, quantity, item_name, category, country, line_key, row_no
        ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
),
lowered AS (
    SELECT
        *,
        min(level) OVER (
            PARTITION BY customer_id, item_id ORDER BY event_no ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS lowest,
        min(level) OVER (
            PARTITION BY customer_id, item_id ORDER BY event_no ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS lowest_before
    FROM summed
),
stacked AS (
    SELECT
        *,
        -- The height of a stack that stays at zero where the running sum would fall below it; and what it was before.
        level - least(0, lowest)                         AS height,
        level - step - least(0, coalesce(lowest_before, 0)) AS height_before
    FROM lowered
),
left_over AS (
    SELECT
        *,
        -- How far the stack falls from here on: what lies above that is taken back.
        min(height) OVER (
            PARTITION BY customer_id, item_id ORDER BY event_no DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS low
    FROM stacked
)
SELECT
    row_no, order_id, item_id, item_name, category, brand, quantity, ordered_s, unit_price_minor, list_price_minor,
    customer_id, country, known_channel, campaign, is_goods, is_cancellation,
    CASE WHEN is_cancellation THEN 0 ELSE greatest(0, low - (height - step)) END AS kept_quantity,
    CASE WHEN is_cancellation THEN height_before - height ELSE 0 END AS taken_back
FROM left_over
