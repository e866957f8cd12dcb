"""k-means with scikit-learn on a made-up table, timed, beside this project's on the same numbers.

The table is a mixture of overlapping clouds, so that starts matter. Both sides read the same file of little-endian 64-bit floats, use
greedy k-means++ starts, the same rule of rest (1e-4 of the mean variance) and at most 300 iterations; only the fit is timed, in
a process that has fitted a small table before. Runs of the two sides alternate; the median counts. Peak memory is that of one
process that reads the file and fits, with its libraries.

Which optimum a few runs reach is luck, so quality is compared apart: many single starts on the first rows, their mean inertia, and
how many reached the best that either side found.

    python kmeans.py --out /tmp/kmeans --vitrine "cargo run --release -q -p vitrine-learn --example kmeans_scale --"
"""

import argparse
import json
import pathlib
import shlex
import statistics
import time

import measure
import numpy as np
from sklearn.cluster import KMeans


def make(n_rows, n_cols, n_clouds, seed, path):
    """Writes the table and returns it."""
    random = np.random.default_rng(seed)
    centres = random.normal(scale=2.0, size=(n_clouds, n_cols))
    rows = centres[random.integers(n_clouds, size=n_rows)] + random.normal(size=(n_rows, n_cols))
    rows.astype("<f8").tofile(path)
    return rows


def fit(rows, k, n_starts, seed):
    """One fit of scikit-learn: seconds, inertia and iterations."""
    began = time.perf_counter()
    model = KMeans(k, n_init=n_starts, random_state=seed, algorithm="lloyd").fit(rows)
    return {
        "seconds": time.perf_counter() - began,
        "inertia": float(model.inertia_),
        "iterations": int(model.n_iter_),
    }


def fit_vitrine(command, path, cols, k, n_starts, seed):
    """The same of this project."""
    argv = [*shlex.split(command), str(path), str(cols), str(k), str(n_starts), str(seed)]
    out, cost = measure.child(argv)
    return {**json.loads(out), "peak_mib": cost["peak_mib"]}


def quality(rows, args):
    """Inertia of many single starts of both sides."""
    path = args.out / "few.f64"
    rows.astype("<f8").tofile(path)
    found = {
        "scikit_learn": [fit(rows, args.k, 1, seed)["inertia"] for seed in range(args.seeds)],
        "vitrine": [fit_vitrine(args.vitrine, path, args.cols, args.k, 1, seed)["inertia"] for seed in range(args.seeds)],
    }
    best = min(min(inertias) for inertias in found.values())
    report = {"rows": len(rows), "seeds": args.seeds}
    for side, inertias in found.items():
        reached = sum(inertia < best * 1.001 for inertia in inertias)
        report[side] = {"inertia_mean": round(statistics.mean(inertias)), "reached_best": reached}
    return report


def main():
    """Times both sides and prints what was found, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--cols", type=int, default=16)
    parser.add_argument("--k", type=int, default=8)
    parser.add_argument("--clouds", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=150)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--vitrine", help="command of the example kmeans_scale")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        rows = np.fromfile(args.out / "rows.f64", dtype="<f8").reshape(-1, args.cols)
        print(json.dumps(fit(rows, args.k, args.child, 0)))
        return
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "rows.f64"
    rows = make(args.rows, args.cols, args.clouds, 1, path)
    fit(rows[:1000], args.k, 1, 0)
    report = {"rows": args.rows, "cols": args.cols, "k": args.k, "quality": quality(rows[:10_000], args)}
    for n_starts in (1, 10):
        found = {"scikit_learn": [], "vitrine": []}
        for seed in range(args.rounds):
            found["scikit_learn"].append(fit(rows, args.k, n_starts, seed))
            found["vitrine"].append(fit_vitrine(args.vitrine, path, args.cols, args.k, n_starts, seed))
        sides = {
            side: {
                "seconds_median": round(statistics.median(run["seconds"] for run in runs), 4),
                "inertia_median": round(statistics.median(run["inertia"] for run in runs)),
                "inertia_best": round(min(run["inertia"] for run in runs)),
                "iterations": [run["iterations"] for run in runs],
            }
            for side, runs in found.items()
        }
        ours, theirs = sides["vitrine"], sides["scikit_learn"]
        argv = ["--out", str(args.out), "--cols", str(args.cols), "--k", str(args.k), "--child", str(n_starts)]
        theirs["peak_mib"] = measure.this_script(__file__, *argv)[1]["peak_mib"]
        ours["peak_mib"] = max(run["peak_mib"] for run in found["vitrine"])
        sides["memory_ratio"] = round(ours["peak_mib"] / theirs["peak_mib"], 2)
        sides["time_ratio"] = round(ours["seconds_median"] / theirs["seconds_median"], 3)
        sides["inertia_ratio"] = round(ours["inertia_median"] / theirs["inertia_median"], 5)
        report[f"starts_{n_starts}"] = sides
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
