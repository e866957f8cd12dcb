"""Order and event aggregation with DuckDB and polars, timed, and their results compared with each other and with a build.

Each peer reads the same files and makes three tables: `rfm` (one row a customer), `affinity` (the five categories bought from
most, decayed) and, with --events, `events` (counts by kind and window). Definitions are those of docs/guides/profiles.md but for
netting: what cancellations take back is left in. Nothing is written outside of --out.

    python aggregation.py --orders shop/orders.csv --events shop/events.jsonl --as-of 2026-07-01 --out /tmp/aggregation
    python aggregation.py --orders retail.parquet --preset online-retail --as-of 2011-12-10 --out /tmp/aggregation
    python aggregation.py ... --features table/features.parquet --also "vitrine profiles build ..."
"""

import argparse
import datetime
import json
import os
import pathlib
import shlex
import sys

import measure

CANONICAL = {
    name: name
    for name in ("order_id", "item_id", "category", "quantity", "ordered_at", "unit_price", "customer_id", "country")
}
PRESETS = {
    "vitrine-demo": CANONICAL,
    "online-retail": {
        "order_id": "InvoiceNo",
        "item_id": "StockCode",
        "category": None,
        "quantity": "Quantity",
        "ordered_at": "InvoiceDate",
        "unit_price": "UnitPrice",
        "customer_id": "CustomerID",
        "country": "Country",
    },
}
WINDOWS = (7, 30, 90, 365)
KINDS = ("visit", "view", "click", "search", "add_cart", "purchase", "dismiss", "review", "service_contact")


def duckdb_peer(options):
    """The aggregation in SQL."""
    import duckdb

    base = duckdb.connect()
    base.execute(f"SET threads = {options.threads}")
    base.execute("SET temp_directory = ?", [str(options.out / "duckdb-spill")])
    columns = PRESETS[options.preset]

    def source(files, kind):
        listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in files)
        if str(files[0]).endswith(".parquet"):
            return f"read_parquet([{listed}])"
        if kind == "json":
            fields = ", ".join(f"\"{name}\": 'VARCHAR'" for name in ("at", "customer_id", "kind", "session_id", "event_id"))
            return f"read_json([{listed}], format = 'newline_delimited', columns = {{{fields}}})"
        return f"read_csv([{listed}], all_varchar = true, header = true)"

    def column(name):
        return f'CAST("{columns[name]}" AS VARCHAR)' if columns[name] else "CAST(NULL AS VARCHAR)"

    picked = ", ".join(f"nullif(trim({column(name)}), '') AS {name}" for name in columns)
    base.execute(f"""
        CREATE TEMP TABLE purchases AS
        WITH distinct_rows AS (SELECT DISTINCT * FROM (SELECT {picked} FROM {source(options.orders, "csv")})),
        typed AS (
            SELECT customer_id, order_id, item_id, category,
                   epoch(TRY_CAST(ordered_at AS TIMESTAMP))::BIGINT AS ordered_s,
                   TRY_CAST(quantity AS DECIMAL(12,3)) AS quantity,
                   TRY_CAST(unit_price AS DECIMAL(18,6)) AS price
            FROM distinct_rows
        )
        SELECT customer_id, order_id, item_id, category, ordered_s,
               CAST(round(quantity * price * 100) AS BIGINT) AS amount_minor
        FROM typed
        WHERE customer_id IS NOT NULL AND order_id IS NOT NULL AND item_id IS NOT NULL
          AND quantity > 0 AND price > 0 AND ordered_s < {options.as_of_s}""")
    sums = ", ".join(
        f"count(*) FILTER ({options.as_of_s} - ordered_s < {days * 86400}) AS orders_{days}d, "
        f"coalesce(sum(amount_minor) FILTER ({options.as_of_s} - ordered_s < {days * 86400}), 0)::BIGINT AS spend_{days}d_minor"
        for days in WINDOWS
    )
    base.execute("""
        CREATE TEMP TABLE orders AS
        SELECT customer_id, order_id, min(ordered_s) AS ordered_s, sum(amount_minor)::BIGINT AS amount_minor
        FROM purchases GROUP BY ALL""")
    base.execute(f"""
        CREATE TEMP TABLE rfm AS
        SELECT customer_id, count(*) AS frequency, sum(amount_minor)::BIGINT AS monetary_minor,
               ({options.as_of_s} - max(ordered_s)) // 86400 AS recency_days,
               ({options.as_of_s} - min(ordered_s)) // 86400 AS tenure_days, {sums}
        FROM orders GROUP BY customer_id""")
    base.execute(f"""
        CREATE TEMP TABLE affinity AS
        WITH pairs AS (SELECT DISTINCT customer_id, order_id, item_id, category FROM purchases WHERE category IS NOT NULL),
        summed AS (
            SELECT p.customer_id, p.category, max(o.ordered_s) AS last_s,
                   sum(greatest(1, CAST(round(1048576 * power(0.5, ({options.as_of_s} - o.ordered_s) / (90 * 86400.0))) AS BIGINT)))::BIGINT AS weight
            FROM pairs AS p JOIN orders AS o USING (customer_id, order_id) GROUP BY ALL
        )
        SELECT customer_id, category, weight,
               row_number() OVER (PARTITION BY customer_id ORDER BY weight DESC, last_s DESC, category) AS place
        FROM summed QUALIFY place <= 5""")
    tables = ["rfm", "affinity"]
    if options.events:
        counts = ", ".join(
            f"count(*) FILTER (kind = '{kind}' AND {options.as_of_s} - at_s < {days * 86400}) AS {kind}_{days}d"
            for kind in KINDS
            for days in WINDOWS
        )
        events = source(options.events, "json")
        if options.unique_events:
            # Of events with one id the first counts.
            once = ", ".join(f'min("{name}") AS "{name}"' for name in ("at", "customer_id", "kind", "session_id"))
            events = f"(SELECT {once} FROM {events} GROUP BY event_id)"
        base.execute(f"""
            CREATE TEMP TABLE events AS
            WITH typed AS (
                SELECT customer_id, kind, session_id, epoch(TRY_CAST("at" AS TIMESTAMP))::BIGINT AS at_s
                FROM {events} WHERE customer_id <> ''
            )
            SELECT customer_id, count(DISTINCT session_id) AS sessions, max(at_s) AS last_s, {counts}
            FROM typed WHERE at_s < {options.as_of_s} GROUP BY customer_id""")
        tables.append("events")
    for table in tables:
        base.execute(f"COPY {table} TO '{options.out / ('duckdb-' + table + '.parquet')}' (FORMAT parquet)")


def polars_peer(options):
    """The aggregation with lazy frames and the streaming engine."""
    import polars as pl

    columns = {name: column for name, column in PRESETS[options.preset].items() if column}
    parquet = str(options.orders[0]).endswith(".parquet")
    files = [str(file) for file in options.orders]
    raw = pl.scan_parquet(files) if parquet else pl.scan_csv(files, infer_schema=False)
    as_of_s = options.as_of_s

    def text(column, name):
        value = pl.col(column).cast(pl.String).str.strip_chars()
        return pl.when(value != "").then(value).alias(name)

    def seconds(name):
        return pl.col(name).str.slice(0, 19).str.replace("T", " ").str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False).dt.epoch("s")

    picked = raw.select(text(column, name) for name, column in columns.items()).unique()
    if "category" not in columns:
        picked = picked.with_columns(category=pl.lit(None, pl.String))
    purchases = (
        picked.with_columns(
            ordered_s=seconds("ordered_at"),
            quantity=pl.col("quantity").cast(pl.Float64, strict=False),
            price=pl.col("unit_price").cast(pl.Float64, strict=False),
        )
        .filter(
            pl.col("customer_id").is_not_null() & pl.col("order_id").is_not_null() & pl.col("item_id").is_not_null()
            & (pl.col("quantity") > 0) & (pl.col("price") > 0) & (pl.col("ordered_s") < as_of_s)
        )
        .with_columns(amount_minor=(pl.col("quantity") * pl.col("price") * 100 + 1e-6).round().cast(pl.Int64))
        .select("customer_id", "order_id", "item_id", "category", "ordered_s", "amount_minor")
        .collect(engine="streaming")
        .lazy()
    )
    orders = purchases.group_by("customer_id", "order_id").agg(pl.col("ordered_s").min(), pl.col("amount_minor").sum())
    age = as_of_s - pl.col("ordered_s")
    sums = [
        expression
        for days in WINDOWS
        for expression in (
            (age < days * 86400).sum().cast(pl.Int64).alias(f"orders_{days}d"),
            pl.col("amount_minor").filter(age < days * 86400).sum().alias(f"spend_{days}d_minor"),
        )
    ]
    rfm = orders.group_by("customer_id").agg(
        pl.len().cast(pl.Int64).alias("frequency"),
        pl.col("amount_minor").sum().alias("monetary_minor"),
        ((as_of_s - pl.col("ordered_s").max()) // 86400).alias("recency_days"),
        ((as_of_s - pl.col("ordered_s").min()) // 86400).alias("tenure_days"),
        *sums,
    )
    weight = (1048576.0 * pl.lit(0.5).pow(age / (90 * 86400.0))).round().cast(pl.Int64)
    affinity = (
        purchases.filter(pl.col("category").is_not_null())
        .select("customer_id", "order_id", "item_id", "category")
        .unique()
        .join(orders, on=["customer_id", "order_id"])
        .group_by("customer_id", "category")
        .agg(pl.max_horizontal(weight, pl.lit(1)).sum().alias("weight"), pl.col("ordered_s").max().alias("last_s"))
        .sort(["customer_id", "weight", "last_s", "category"], descending=[False, True, True, False])
        .with_columns((pl.int_range(pl.len()).over("customer_id") + 1).alias("place"))
        .filter(pl.col("place") <= 5)
        .select("customer_id", "category", "weight", "place")
    )
    tables = {"rfm": rfm, "affinity": affinity}
    if options.events:
        files = [str(file) for file in options.events]
        if files[0].endswith(".parquet"):
            raw = pl.scan_parquet(files)
        else:
            raw = pl.scan_ndjson(files, schema={name: pl.String for name in ("at", "customer_id", "kind", "session_id", "event_id")})
        if options.unique_events:
            raw = raw.group_by("event_id").agg(pl.col("at", "customer_id", "kind", "session_id").min())
        age = as_of_s - pl.col("at_s")
        counts = [
            ((pl.col("kind") == kind) & (age < days * 86400)).sum().cast(pl.Int64).alias(f"{kind}_{days}d")
            for kind in KINDS
            for days in WINDOWS
        ]
        tables["events"] = (
            raw.filter(pl.col("customer_id") != "")
            .with_columns(at_s=seconds("at"))
            .filter(pl.col("at_s") < as_of_s)
            .group_by("customer_id")
            .agg(pl.col("session_id").drop_nulls().n_unique().cast(pl.Int64).alias("sessions"), pl.col("at_s").max().alias("last_s"), *counts)
        )
    for name, table in tables.items():
        table.collect(engine="streaming").write_parquet(options.out / f"polars-{name}.parquet")


PEERS = {"duckdb": duckdb_peer, "polars": polars_peer}


def compare(options, peers):
    """Rows in which the peers differ, and customers of a build that differ; only equal tables have none."""
    import duckdb

    base = duckdb.connect()
    tables = ["rfm", "affinity"] + (["events"] if options.events else [])
    found = {}
    for table in tables:
        files = [f"read_parquet('{options.out / f'{peer}-{table}.parquet'}')" for peer in peers]
        names = [row[0] for row in base.execute(f"DESCRIBE SELECT * FROM {files[0]}").fetchall()]
        listed = ", ".join(f'"{name}"' for name in names)
        rows = base.execute(f"SELECT count(*) FROM {files[0]}").fetchone()[0]
        differ = 0
        for other in files[1:]:
            for one, two in ((files[0], other), (other, files[0])):
                query = f"SELECT count(*) FROM (SELECT {listed} FROM {one} EXCEPT SELECT {listed} FROM {two})"
                differ += base.execute(query).fetchone()[0]
        found[table] = {"rows": rows, "rows_that_differ": differ}
    if options.features:
        columns = PRESETS[options.preset]
        listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in options.orders)
        parquet = str(options.orders[0]).endswith(".parquet")
        raw = f"read_parquet([{listed}])" if parquet else f"read_csv([{listed}], all_varchar = true, header = true)"
        query = f"""
            WITH cancelled AS (
                SELECT DISTINCT CAST("{columns['customer_id']}" AS VARCHAR) AS customer_id FROM {raw}
                WHERE TRY_CAST("{columns['quantity']}" AS DOUBLE) < 0
            )
            SELECT count(*),
                   count(*) FILTER (r.frequency = f.frequency AND r.monetary_minor = f.monetary_minor
                                    AND r.recency_days = f.recency_days AND r.tenure_days = f.tenure_days)
            FROM read_parquet('{options.out / f'{peers[0]}-rfm.parquet'}') AS r
            JOIN read_parquet('{options.features}') AS f USING (customer_id)
            WHERE customer_id NOT IN (SELECT customer_id FROM cancelled WHERE customer_id IS NOT NULL)"""
        n, equal = base.execute(query).fetchone()
        found["build"] = {"customers_without_cancellation": n, "equal": equal}
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", nargs="+", type=pathlib.Path, required=True, help="CSV or Parquet files")
    parser.add_argument("--events", nargs="+", type=pathlib.Path, help="JSON lines or Parquet files")
    parser.add_argument("--unique-events", action="store_true", help="count events with one id once, as a build does")
    parser.add_argument("--preset", choices=PRESETS, default="vitrine-demo", help="names of the order columns")
    parser.add_argument("--as-of", required=True, help="midnight to look back from, such as 2026-07-01")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="directory for results; made if need be")
    parser.add_argument("--peers", default="duckdb,polars")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--features", type=pathlib.Path, help="features.parquet of a build, to compare with")
    parser.add_argument("--also", action="append", default=[], help="a command to time beside the peers, as the shell would split it")
    parser.add_argument("--child", choices=PEERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.as_of_s = int(datetime.datetime.fromisoformat(options.as_of + "T00:00:00+00:00").timestamp())
    options.out.mkdir(parents=True, exist_ok=True)
    if options.child:
        PEERS[options.child](options)
        print(json.dumps({"version": measure.version(options.child)}))
        return
    os.environ["POLARS_MAX_THREADS"] = str(options.threads)
    result = {"machine": measure.machine(), "threads": options.threads, "peers": {}, "also": []}
    peers = options.peers.split(",")
    for peer in peers:
        told, cost = measure.this_script(__file__, *sys.argv[1:], "--child", peer)
        result["peers"][peer] = {**told, **cost}
    for line in options.also:
        _, cost = measure.child(shlex.split(line))
        result["also"].append({"command": line, **cost})
    result["compared"] = compare(options, peers)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
