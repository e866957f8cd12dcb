"""Fills the stage boundary with DuckDB: features.parquet, items.parquet and tastes.parquet from raw orders.

What a shop with a warehouse does instead of `vitrine profiles build`: the warehouse cleans, nets and sums, and
`vitrine profiles compile --features DIR` makes the profile table and the item lists. The queries follow
docs/guides/warehouse.md, statement by statement, and are meant to be copied. Nothing is written outside of --out.

    python warehouse.py --orders shop/orders.csv --out boundary
    vitrine profiles compile --features boundary --as-of 2026-07-01 --out table --key-file table.key
    python warehouse.py --orders shop/orders.csv --out boundary --compare table    # with a build of the same orders
"""

import argparse
import datetime
import json
import pathlib
import time

import duckdb

PRESETS = {
    # Columns named as the fields; a negative quantity takes back.
    "vitrine-demo": {
        "order_id": '"order_id"',
        "item_id": '"item_id"',
        "item_name": '"item_name"',
        "category": '"category"',
        "quantity": '"quantity"',
        "ordered_at": '"ordered_at"',
        "unit_price": '"unit_price"',
        "customer_id": '"customer_id"',
        "country": '"country"',
        "is_goods": "true",
        "is_cancellation": "try_cast(quantity AS DOUBLE) < 0",
    },
    # UCI Online Retail: orders that begin with C take back; goods have codes of five digits.
    "online-retail": {
        "order_id": '"InvoiceNo"',
        "item_id": '"StockCode"',
        "item_name": '"Description"',
        # The file has no categories: the last word of the description ("... CAKE STAND") is the nearest thing.
        "category": "coalesce(nullif(regexp_replace(upper(trim(\"Description\")), '^.*[^A-Z]', ''), ''), 'OTHER')",
        "quantity": '"Quantity"',
        "ordered_at": '"InvoiceDate"',
        "unit_price": '"UnitPrice"',
        # The Parquet file holds numbers with a fraction.
        "customer_id": 'try_cast("CustomerID" AS BIGINT)',
        "country": '"Country"',
        "is_goods": "regexp_matches(item_id, '^[0-9]{5}')",
        "is_cancellation": "starts_with(order_id, 'C')",
    },
}

DAY_S = 86_400

# Rows as they were written, without blanks around, and without rows that repeat an earlier one.
STAGED = """
CREATE TABLE staged AS
WITH written AS (
    SELECT {columns}
    FROM {source}
),
once AS (
    SELECT *, {is_goods} AS is_goods, coalesce({is_cancellation}, false) AS is_cancellation,
           row_number() OVER () AS row_no
    FROM (SELECT DISTINCT * FROM written)
)
SELECT
    order_id, item_id, item_name, category, customer_id, country, is_goods, is_cancellation, row_no,
    CAST(epoch(try_cast(ordered_at AS TIMESTAMP)) AS BIGINT)         AS ordered_s,
    try_cast(quantity AS DECIMAL(12, 3))                             AS quantity,
    -- Minor units of one piece, exact.
    CAST(try_cast(unit_price AS DECIMAL(15, 6)) * 100 AS DECIMAL(18, 4)) AS price_minor
FROM once
"""

# What can be a purchase or take one back.
CHECKED = """
CREATE TABLE checked AS
SELECT *
FROM staged
WHERE order_id IS NOT NULL AND item_id IS NOT NULL AND customer_id IS NOT NULL
  AND ordered_s BETWEEN 0 AND (SELECT as_of_s FROM params)
  AND quantity IS NOT NULL AND price_minor IS NOT NULL
  AND (is_cancellation OR (quantity > 0 AND price_minor > 0))
"""

# A cancellation takes its units from the purchases of the same customer and item before it, the latest first: a stack.
NETTED = """
CREATE TABLE netted AS
WITH cancelled AS (
    SELECT DISTINCT customer_id, item_id FROM checked WHERE is_cancellation
),
steps AS (
    SELECT
        c.*,
        CASE WHEN c.is_cancellation THEN -abs(c.quantity) ELSE c.quantity END AS step,
        row_number() OVER (
            PARTITION BY c.customer_id, c.item_id
            ORDER BY c.ordered_s, c.is_cancellation, c.order_id, c.price_minor, c.quantity, c.item_name, c.category, c.country, c.row_no
        ) AS step_no
    FROM checked AS c
    JOIN cancelled USING (customer_id, item_id)
),
summed AS (
    SELECT *, sum(step) OVER (PARTITION BY customer_id, item_id ORDER BY step_no) AS level
    FROM steps
),
stacked AS (
    -- The height of a stack that stays at zero where the running sum would fall below it.
    SELECT *, level - least(0, min(level) OVER (PARTITION BY customer_id, item_id ORDER BY step_no)) AS height
    FROM summed
),
lowest AS (
    -- How far the stack falls from here on: what lies above that is taken back.
    SELECT *, min(height) OVER (PARTITION BY customer_id, item_id ORDER BY step_no DESC) AS low
    FROM stacked
)
SELECT customer_id, order_id, item_id, item_name, category, country, is_goods, ordered_s, price_minor,
       greatest(0, low - (height - step)) AS kept
FROM lowest
WHERE NOT is_cancellation
UNION ALL
SELECT customer_id, order_id, item_id, item_name, category, country, is_goods, ordered_s, price_minor, quantity AS kept
FROM checked
WHERE NOT is_cancellation AND NOT EXISTS (
    SELECT 1 FROM cancelled AS x WHERE x.customer_id = checked.customer_id AND x.item_id = checked.item_id
)
"""

# The amount of a line is rounded here, once; every sum after this is one of whole numbers.
PURCHASES = """
CREATE TABLE purchases AS
SELECT customer_id, order_id, item_id, item_name, category, country, is_goods, ordered_s,
       CAST(round(kept * price_minor) AS BIGINT) AS amount_minor
FROM netted
WHERE kept > 0
"""

# An order weighs half as much for every 90 days that it is older. A whole number, so that sums do not depend on their order.
ORDERS = """
CREATE TABLE orders AS
WITH lines AS (
    SELECT customer_id, order_id, item_id, is_goods, min(ordered_s) AS ordered_s, sum(amount_minor) AS amount_minor,
           min(country) AS country
    FROM purchases
    GROUP BY ALL
),
grouped AS (
    SELECT customer_id, order_id, min(ordered_s) AS ordered_s, CAST(sum(amount_minor) AS BIGINT) AS amount_minor,
           count(*) FILTER (is_goods) AS n_items, min(country) AS country
    FROM lines
    GROUP BY customer_id, order_id
)
SELECT *,
       greatest(1, CAST(round(1048576.0 * power(0.5, CAST(as_of_s - ordered_s AS DOUBLE) / (90 * 86400))) AS BIGINT)) AS weight,
       -- 1970-01-01 was a Thursday: 0 is Monday, 6 is Sunday.
       (ordered_s // 86400 + 3) % 7  AS weekday,
       (ordered_s % 86400) // 3600   AS hour
FROM grouped, params
"""

# One row an item, with the most frequent of its names and categories. The 255 most bought categories keep their names.
ITEMS = """
CREATE TABLE items AS
WITH goods AS (
    SELECT item_id, count(DISTINCT customer_id) AS n_buyers, count(*) AS n_lines
    FROM purchases WHERE is_goods GROUP BY item_id
),
names AS (
    SELECT item_id, item_name FROM purchases WHERE is_goods AND item_name IS NOT NULL GROUP BY item_id, item_name
    QUALIFY row_number() OVER (PARTITION BY item_id ORDER BY count(*) DESC, item_name) = 1
),
categories AS (
    SELECT item_id, category FROM purchases WHERE is_goods AND category IS NOT NULL GROUP BY item_id, category
    QUALIFY row_number() OVER (PARTITION BY item_id ORDER BY count(*) DESC, category) = 1
),
frequent AS (
    SELECT category FROM categories JOIN goods USING (item_id) WHERE category <> 'OTHER' GROUP BY category
    ORDER BY sum(n_lines) DESC, category LIMIT 255
)
SELECT
    g.item_id, n.item_name,
    CASE WHEN f.category IS NOT NULL THEN c.category WHEN c.category IS NOT NULL THEN 'OTHER' END AS category,
    g.n_buyers, g.n_lines
FROM goods AS g
LEFT JOIN names AS n USING (item_id)
LEFT JOIN categories AS c USING (item_id)
LEFT JOIN frequent AS f ON f.category = c.category
ORDER BY g.n_buyers DESC, g.n_lines DESC, g.item_id
"""

# Which items a customer buys. An order counts once for an item, however many lines it has. The columns `early_` and `late_` are the two
# sides of the time split on which the item lists are tuned and measured.
TASTES = """
CREATE TABLE tastes AS
SELECT
    p.customer_id, p.item_id, i.category,
    CAST(sum(o.weight) AS BIGINT)                                                       AS weight,
    max(o.ordered_s)                                                                    AS last_s,
    count(*) FILTER (o.ordered_s < q.split_s)                                           AS early_orders,
    CAST(coalesce(sum(o.weight) FILTER (o.ordered_s < q.split_s), 0) AS BIGINT)         AS early_weight,
    count(*) FILTER (o.ordered_s >= q.split_s)                                          AS late_orders
FROM (SELECT DISTINCT customer_id, order_id, item_id FROM purchases WHERE is_goods) AS p
JOIN orders AS o USING (customer_id, order_id)
JOIN items AS i USING (item_id), params AS q
GROUP BY ALL
ORDER BY p.customer_id, p.item_id
"""

# One row a customer, a column a label. Lists of names come with a list of weights between 0 and 1, strongest first.
FEATURES = """
CREATE TABLE features AS
WITH sums AS (
    SELECT customer_id, count(*) AS frequency, CAST(sum(amount_minor) AS BIGINT) AS monetary_minor, sum(n_items) AS order_items,
           min(ordered_s) AS first_s, max(ordered_s) AS last_s, count(*) FILTER (weekday >= 5) AS weekend_orders
    FROM orders GROUP BY customer_id
),
goods AS (
    SELECT customer_id, count(DISTINCT item_id) AS n_items FROM purchases WHERE is_goods GROUP BY customer_id
),
countries AS (
    SELECT customer_id, country FROM orders WHERE country IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY ordered_s DESC, order_id DESC) = 1
),
weekdays AS (
    SELECT customer_id, weekday FROM orders GROUP BY customer_id, weekday
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, max(ordered_s) DESC, weekday) = 1
),
hours AS (
    SELECT customer_id, hour FROM orders GROUP BY customer_id, hour
    QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY count(*) DESC, max(ordered_s) DESC, hour) = 1
),
ranked AS (
    SELECT *, (as_of_s - last_s) // 86400 AS recency_days, (as_of_s - first_s) // 86400 AS tenure_days
    FROM sums, params
),
-- The share of customers who are worse, in fifths: equal customers are in the same one.
fifths AS (
    SELECT
        customer_id,
        1 + 5 * (rank() OVER (ORDER BY recency_days DESC) - 1) // count(*) OVER ()  AS r_quintile,
        1 + 5 * (rank() OVER (ORDER BY frequency) - 1) // count(*) OVER ()          AS f_quintile,
        1 + 5 * (rank() OVER (ORDER BY monetary_minor) - 1) // count(*) OVER ()     AS m_quintile
    FROM ranked
),
category_sums AS (
    SELECT customer_id, category, sum(weight) AS weight, max(last_s) AS last_s
    FROM tastes WHERE category IS NOT NULL GROUP BY ALL
),
category_places AS (
    SELECT *, weight / max(weight) OVER (PARTITION BY customer_id) AS share,
           row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, last_s DESC, category) AS place
    FROM category_sums
),
top_categories AS (
    SELECT customer_id, list(category ORDER BY place) AS top_categories,
           list(CAST(share AS DOUBLE) ORDER BY place) AS top_category_weights
    FROM category_places WHERE place <= 5 GROUP BY customer_id
),
item_places AS (
    SELECT customer_id, item_id, weight / max(weight) OVER (PARTITION BY customer_id) AS share,
           row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, last_s DESC, item_id) AS place
    FROM tastes
),
last_items AS (
    SELECT customer_id, list(item_id ORDER BY place) AS last_items,
           list(CAST(share AS DOUBLE) ORDER BY place) AS last_item_weights
    FROM item_places WHERE place <= 12 GROUP BY customer_id
)
SELECT
    customer_id,
    recency_days,
    frequency,
    monetary_minor,
    -- Rounded half up; both are positive.
    (2 * monetary_minor + frequency) // (2 * frequency)                       AS aov_minor,
    tenure_days,
    CASE WHEN frequency > 1 THEN CAST(last_s - first_s AS DOUBLE) / 86400.0 / (frequency - 1) END AS gap_days,
    CAST(order_items AS DOUBLE) / frequency                                   AS basket_items,
    coalesce(n_items, 0)                                                      AS n_items,
    frequency > 1                                                             AS is_repeat,
    country,
    CAST(weekend_orders AS DOUBLE) / frequency                                AS weekend_share,
    CAST(to_timestamp(first_s) AT TIME ZONE 'UTC' AS TIMESTAMP)               AS first_order_at,
    CAST(to_timestamp(last_s) AT TIME ZONE 'UTC' AS TIMESTAMP)                AS last_order_at,
    r_quintile, f_quintile, m_quintile,
    CASE
        WHEN r_quintile = 5 AND f_quintile >= 4 THEN 'champions'
        WHEN r_quintile >= 3 AND f_quintile >= 4 THEN 'loyal'
        WHEN r_quintile >= 4 AND f_quintile >= 2 THEN 'potential_loyalist'
        WHEN r_quintile = 5                      THEN 'new'
        WHEN r_quintile = 4                      THEN 'promising'
        WHEN r_quintile = 3 AND f_quintile = 3   THEN 'needs_attention'
        WHEN r_quintile = 3                      THEN 'about_to_sleep'
        WHEN f_quintile = 5                      THEN 'cant_lose'
        WHEN f_quintile >= 3                     THEN 'at_risk'
        WHEN r_quintile = 2 OR f_quintile = 2    THEN 'hibernating'
        ELSE 'lost'
    END AS segment,
    weekday, hour,
    top_categories, top_category_weights,
    last_items, last_item_weights
FROM ranked
JOIN fifths USING (customer_id)
JOIN weekdays USING (customer_id)
JOIN hours USING (customer_id)
LEFT JOIN goods USING (customer_id)
LEFT JOIN countries USING (customer_id)
LEFT JOIN top_categories USING (customer_id)
LEFT JOIN last_items USING (customer_id)
ORDER BY customer_id
"""


def quoted(path):
    return "'" + str(path).replace("'", "''") + "'"


def fill(options):
    """Runs the statements and writes the three files. Gives what was found."""
    base = duckdb.connect()
    base.execute(f"SET threads = {options.threads}")
    base.execute(f"SET temp_directory = {quoted(options.out / 'spill')}")
    preset = dict(PRESETS[options.preset])
    derived = {name: preset.pop(name) for name in ("is_goods", "is_cancellation")}
    listed = ", ".join(quoted(file) for file in options.orders)
    is_parquet = options.orders[0].suffix == ".parquet"
    source = f"read_parquet([{listed}])" if is_parquet else f"read_csv([{listed}], all_varchar = true, header = true)"
    columns = ", ".join(f"nullif(trim(CAST({column} AS VARCHAR)), '') AS {name}" for name, column in preset.items())
    base.execute(STAGED.format(columns=columns, source=source, **derived))

    latest_s = base.execute("SELECT max(ordered_s) FROM staged WHERE order_id IS NOT NULL AND item_id IS NOT NULL").fetchone()[0]
    as_of_s = (latest_s // DAY_S + 1) * DAY_S
    if options.as_of:
        as_of_s = int(datetime.datetime.fromisoformat(options.as_of + "T00:00:00+00:00").timestamp())
    base.execute(f"CREATE TABLE params AS SELECT CAST({as_of_s} AS BIGINT) AS as_of_s, CAST({as_of_s + 1} AS BIGINT) AS split_s")
    for statement in (CHECKED, NETTED, PURCHASES):
        base.execute(statement)
    # The later side of the split: 92 days, or a quarter of all time if that is shorter. Less than four weeks have none.
    first_s = base.execute("SELECT min(ordered_s) FROM purchases").fetchone()[0]
    if first_s is None:
        raise SystemExit(f"{options.orders[0]}: no row is a purchase; is --preset right?")
    if as_of_s - first_s >= 28 * DAY_S:
        base.execute(f"UPDATE params SET split_s = {as_of_s - min(92 * DAY_S, (as_of_s - first_s) // 4)}")
    for statement in (ORDERS, ITEMS, TASTES, FEATURES):
        base.execute(statement)
    found = {"as_of": datetime.datetime.fromtimestamp(as_of_s, datetime.timezone.utc).strftime("%Y-%m-%d")}
    for table in ("features", "items", "tastes"):
        file = options.out / f"{table}.parquet"
        base.execute(f"COPY {table} TO {quoted(file)} (FORMAT parquet, COMPRESSION snappy)")
        found[table] = base.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return base, found


def compare(base, build):
    """How many customers of a build's features.parquet differ in each column that both have."""
    theirs = f"read_parquet({quoted(build / 'features.parquet')})"
    given = {row[0]: row[1] for row in base.execute(f"DESCRIBE SELECT * FROM {theirs}").fetchall()}
    ours = [(row[0], row[1]) for row in base.execute("DESCRIBE features").fetchall()]
    shared = [name for name, _ in ours if name in given and name != "customer_id"]
    one_side = f"""
        SELECT count(*) FROM features AS f FULL JOIN {theirs} AS t USING (customer_id)
        WHERE f.frequency IS NULL OR t.frequency IS NULL"""
    only_one = base.execute(one_side).fetchone()[0]
    counts = []
    for name, kind in ours:
        if name in shared:
            # A build keeps times in whole seconds, for which Parquet has no type of its own.
            in_seconds = kind == "TIMESTAMP" and given[name] == "BIGINT"
            mine = f'CAST(epoch(f."{name}") AS BIGINT)' if in_seconds else f'f."{name}"'
            counts.append(f'count(*) FILTER ({mine} IS DISTINCT FROM t."{name}")')
    query = f"SELECT {', '.join(counts)} FROM features AS f JOIN {theirs} AS t USING (customer_id)"
    differ = base.execute(query).fetchone()
    return {"customers_of_one_side": only_one, "columns": len(shared), "differ": {n: d for n, d in zip(shared, differ) if d}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", nargs="+", type=pathlib.Path, required=True, help="CSV or Parquet files")
    parser.add_argument("--preset", choices=PRESETS, default="vitrine-demo", help="names of the columns")
    parser.add_argument("--as-of", help="midnight to look back from; default: after the last order")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="directory for the three files; made if need be")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compare", type=pathlib.Path, help="a build of the same orders; ends with 1 if it differs")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    base, found = fill(options)
    found["seconds"] = round(time.monotonic() - began, 2)
    if options.compare:
        found["compared"] = compare(base, options.compare)
    print(json.dumps(found, indent=2))
    compared = found.get("compared", {})
    if compared.get("differ") or compared.get("customers_of_one_side"):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
