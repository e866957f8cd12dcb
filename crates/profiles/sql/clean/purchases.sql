-- purchases: the clean order lines that everything after rests on.
-- The amount of a line is decided here, once: what is left of the quantity times the price, rounded half away from
-- zero to whole minor units. Sums after this are sums of whole numbers, the same in every order.
SELECT
    customer_id,
    order_id,
    item_id,
    item_name,
    category,
    country,
    is_goods,
    ordered_s,
    kept_quantity AS quantity,
    CAST(CAST(kept_quantity * unit_price_minor AS DECIMAL(38, 0)) AS BIGINT) AS amount_minor,
    brand,
    known_channel AS channel,
    campaign,
    -- What the line would have cost without discount, never below its amount. Null where the file has no list price.
    CASE WHEN list_price_minor IS NOT NULL
         THEN CAST(CAST(kept_quantity * greatest(list_price_minor, unit_price_minor) AS DECIMAL(38, 0)) AS BIGINT)
    END AS list_minor
FROM (
    SELECT
        customer_id, order_id, item_id, item_name, category, country, is_goods, ordered_s, kept_quantity, unit_price_minor,
        list_price_minor, brand, known_channel, campaign
    FROM netted
    WHERE NOT is_cancellation AND kept_quantity > 0
    UNION ALL
    -- Nobody cancelled any of these.
    SELECT
        customer_id, order_id, item_id, item_name, category, country, is_goods, ordered_s, quantity AS kept_quantity,
        unit_price_minor, list_price_minor, brand, known_channel, campaign
    FROM checked AS c
    WHERE reason IS NULL
      AND NOT EXISTS (SELECT 1 FROM netted AS n WHERE n.customer_id = c.customer_id AND n.item_id = c.item_id)
)
