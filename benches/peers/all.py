"""Every comparison of this directory in one run, and its ratios as a table: this project's figure over the peer's, below 1 is less.

    cargo build --release -p vitrine-learn --examples && cargo build --release -p vitrine-cli
    vitrine demo-data --out shop --customers 50000 --events-scale 3.6
    peers/bin/python benches/peers/all.py --examples target/release/examples --vitrine target/release/vitrine --shop shop \\
        --transactions CDNOW_sample.txt --out results

What is not given is left out: without --vitrine and --shop the aggregation, without --transactions customer value. All that was
found is written to --out/all.json. The peer's time in a build's row is that of the aggregation alone, and a build does far more.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import measure

HERE = pathlib.Path(__file__).parent
TABLE_KEY = "000102030405060708090a0b0c0d0e0f"


def script(name, *args):
    """Runs a script of this directory, which prints JSON."""
    argv = [sys.executable, str(HERE / name), *map(str, args)]
    return json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout)


def row(what, peer, seconds, peak_mib, agreement):
    """A line of the table; seconds and memory are pairs of ours and theirs."""
    cells = [what, peer]
    for ours, theirs in (seconds, peak_mib):
        cells += [f"{ours:.3g}", f"{theirs:.3g}", f"{ours / theirs:.2f}"]
    return [*cells, agreement]


def als(options):
    """Implicit ALS beside `implicit`."""
    found = script("als.py", options.examples / "als_bench", "--rounds", options.rounds)
    rows = []
    for factors, sides in found["factors"].items():
        ours, theirs = sides["vitrine"], sides["implicit"]
        agreement = f"nDCG@10 {ours['ndcg_10']:.4f}, {theirs['ndcg_10']:.4f}"
        rows.append(row(f"ALS, {factors} factors", "implicit", *pairs(ours, theirs, "seconds"), agreement))
    return found, rows


def kmeans(options):
    """k-means beside scikit-learn."""
    found = script("kmeans.py", "--out", options.out / "kmeans", "--vitrine", options.examples / "kmeans_scale", "--rounds", options.rounds,
                   "--seeds", 30)
    rows = []
    for n_starts in (1, 10):
        sides = found[f"starts_{n_starts}"]
        ours, theirs = sides["vitrine"], sides["scikit_learn"]
        agreement = f"inertia {sides['inertia_ratio']} of theirs"
        rows.append(row(f"k-means, {n_starts} starts", "scikit-learn", *pairs(ours, theirs, "seconds_median"), agreement))
    return found, rows


def classify(options):
    """Regression and boosted trees beside scikit-learn."""
    found = script("classify.py", "--out", options.out / "classify", "--vitrine", options.examples / "classify_fit")
    ours, theirs = found["vitrine"], found["scikit_learn"]
    rows = []
    for model in ("logistic", "boosted"):
        agreement = f"AUC {ours[f'{model}_auc']:.4f}, {theirs[f'{model}_auc']:.4f}"
        rows.append(row(f"{model}, {found['rows']} rows", "scikit-learn", *pairs(ours, theirs, f"{model}_s"), agreement))
    return found, rows


def clv(options):
    """Customer value beside `lifetimes`: whole processes, since both read the log."""
    rows, all_found = [], {}
    for repeat in (1, 100):
        args = ["--transactions", options.transactions, "--repeat", repeat]
        log = options.transactions
        if repeat > 1:
            log = options.out / "repeated.txt"
            args += ["--repeated", log]
        command = f"{options.vitrine} profiles clv --transactions {log} --mapping cdnow --calibration-end 1997-09-30 --json"
        found = script("clv.py", *args, "--vitrine", command)
        ours, theirs = found["vitrine"], found["lifetimes"]
        agreement = f"parameters differ by {ours['from_lifetimes']:.1e}, from the published ones by {ours['from_published']:.1e}"
        rows.append(row(f"CLV, {theirs['customers']} customers", "lifetimes", *pairs(ours, theirs, "seconds"), agreement))
        all_found[str(repeat)] = found
    return all_found, rows


def aggregation(options):
    """Aggregation beside DuckDB and polars; ours is the whole build of the orders, with everything that it does besides."""
    key = options.out / "table.key"
    key.write_text(TABLE_KEY + "\n")
    table = options.out / "table"
    build = f"{options.vitrine} profiles build --orders {options.shop / 'orders.csv'} --mapping vitrine-demo --out {table} --key-file {key} --replace"
    subprocess.run(build.split(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = script("aggregation.py", "--orders", options.shop / "orders.csv", "--as-of", "2026-07-01", "--out", options.out / "aggregation",
                   "--features", table / "features.parquet", "--also", build)
    ours, compared = found["also"][0], found["compared"]["build"]
    agreement = f"{compared['equal']} of {compared['customers_without_cancellation']} customers equal"
    rows = [row("whole build of the orders", name, *pairs(ours, theirs, "seconds"), agreement) for name, theirs in found["peers"].items()]
    return found, rows


def pairs(ours, theirs, seconds):
    """Seconds and memory of both sides."""
    return (ours[seconds], theirs[seconds]), (ours["peak_mib"], theirs["peak_mib"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=pathlib.Path, required=True, help="directory of the examples of vitrine-learn")
    parser.add_argument("--vitrine", type=pathlib.Path, help="the command, built with profiles")
    parser.add_argument("--shop", type=pathlib.Path, help="a made-up shop")
    parser.add_argument("--transactions", type=pathlib.Path, help="the raw CDNOW log")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in ("examples", "vitrine", "shop", "transactions", "out"):
        path = getattr(options, name)
        setattr(options, name, path and path.resolve())
    wanted = [als, kmeans, classify]
    wanted += [clv] if options.vitrine and options.transactions else []
    wanted += [aggregation] if options.vitrine and options.shop else []
    found = {"machine": measure.machine()}
    print(f"{found['machine']}")
    print("| what | peer | ours s | theirs s | ratio | ours MiB | theirs MiB | ratio | agreement |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for part in wanted:
        found[part.__name__], rows = part(options)
        for cells in rows:
            print(f"| {' | '.join(cells)} |", flush=True)
    found["machine_after"] = measure.machine()
    (options.out / "all.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
