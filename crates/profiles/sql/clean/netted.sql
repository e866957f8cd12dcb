-- netted: the purchases and cancellations of customers and items of which something was cancelled, each with what is left of
-- it. All others, most of a shop, are left as they are in `checked`.
-- A cancellation takes its units from the purchases of the same customer and item that came before it, the latest
-- first, and never more than there are. That is a stack: purchases put units on it, cancellations take units off.
WITH cancelled AS (
    SELECT DISTINCT customer_id, item_id
    FROM checked
    WHERE reason = 'cancellation'
),
events AS (
    SELECT
        c.*,
        CASE WHEN c.is_cancellation THEN -abs(c.quantity) ELSE c.quantity END AS step,
        -- The time order. The columns after the time only make it the same in every build.
        row_number() OVER (
            PARTITION BY c.customer_id, c.item_id
            ORDER BY c.ordered_s, c.is_cancellation, c.order_id, c.unit_price_minor, c.quantity, c.item_name,
                     c.category, c.country, c.line_key, c.row_no
        ) AS event_no
    FROM checked AS c
    JOIN cancelled AS x ON x.customer_id = c.customer_id AND x.item_id = c.item_id
    WHERE c.reason IS NULL OR c.reason = 'cancellation'
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
    row_no, order_id, item_id, item_name, category, brand, quantity, ordered_s, unit_price_minor, list_price_minor,
    customer_id, country, known_channel, campaign, is_goods, is_cancellation,
    CASE WHEN is_cancellation THEN 0 ELSE greatest(0, low - (height - step)) END AS kept_quantity,
    CASE WHEN is_cancellation THEN coalesce(height_before, 0) - height ELSE 0 END AS taken_back
FROM lowest
