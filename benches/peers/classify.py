"""Regression and boosted trees with scikit-learn on a made-up table, timed, beside this project's on the same files.

The table has 20 numbers: straight, bent and crossed effects, a heavy tail, and 15 % missing values in three of them. Both sides
read the same two CSV files, fit with one penalty and with 200 trees of depth 4 at most that stop early, and are judged by the
area under the curve of the second file. Peak memory is that of one process that holds the tables and fits, with its libraries.

    python classify.py --rows 100000 --out /tmp/classify --vitrine "cargo run --release -q -p vitrine-learn --example classify_fit --"
"""

import argparse
import json
import pathlib
import shlex
import time

import measure
import numpy as np


def make(n_rows, seed, path):
    """Writes a table and returns it: outcome and features."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n_rows, 20))
    x[:, 5] = np.exp(x[:, 5])
    x[:, 6] = np.round(x[:, 6] * 3)
    margin = -1.2 + 0.8 * x[:, 0] - 0.6 * x[:, 1] + 0.5 * x[:, 2] * x[:, 3]
    margin += np.where(x[:, 4] > 0.5, 0.9, -0.2) + 0.3 * np.sin(2 * x[:, 7]) + 0.2 * np.log(x[:, 5])
    y = (random.random(n_rows) < 1 / (1 + np.exp(-margin))).astype(int)
    x[:, 8:11][random.random((n_rows, 3)) < 0.15] = np.nan
    with open(path, "w", encoding="utf-8") as file:
        file.write("y," + ",".join(f"x{column}" for column in range(20)) + "\n")
        for label, row in zip(y, x):
            file.write(f"{label}," + ",".join("" if np.isnan(value) else repr(float(value)) for value in row) + "\n")
    return x, y


def timed(work, times=3):
    """The quickest of some runs, in seconds, and the result of the last."""
    best = float("inf")
    for _ in range(times):
        begun = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - begun)
    return best, result


def peers(x, y, x_test, y_test):
    """scikit-learn's figures."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = make_pipeline(SimpleImputer(add_indicator=True), StandardScaler(), LogisticRegression(C=1.0))
    trees = HistGradientBoostingClassifier(
        max_depth=4,
        max_leaf_nodes=16,
        max_iter=200,
        learning_rate=0.1,
        max_bins=64,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=20,
        random_state=1,
    )
    figures = {}
    for name, model in (("logistic", regression), ("boosted", trees)):
        figures[f"{name}_s"], fitted = timed(lambda model=model: model.fit(x, y))
        figures[f"{name}_auc"] = roc_auc_score(y_test, fitted.predict_proba(x_test)[:, 1])
    figures["n_trees"] = int(trees.n_iter_)
    return figures


def main():
    """Prints both sides and their ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--vitrine", help="the command that fits; the two files are added")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        tables = np.load(options.out / "tables.npz")
        print(json.dumps(peers(*(tables[name] for name in ("x", "y", "x_test", "y_test")))))
        return
    options.out.mkdir(parents=True, exist_ok=True)
    files = [options.out / "train.csv", options.out / "test.csv"]
    x, y = make(options.rows, options.seed, files[0])
    x_test, y_test = make(max(options.rows // 2, 1000), options.seed + 1, files[1])
    np.savez(options.out / "tables.npz", x=x, y=y, x_test=x_test, y_test=y_test)
    told, cost = measure.this_script(__file__, "--out", str(options.out), "--child")
    report = {"rows": options.rows, "scikit_learn": {**told, "peak_mib": cost["peak_mib"]}}
    if options.vitrine:
        command = shlex.split(options.vitrine) + [str(file) for file in files]
        out, cost = measure.child(command)
        ours = {**json.loads(out), "peak_mib": cost["peak_mib"]}
        theirs = report["scikit_learn"]
        report["memory_ratio"] = ours["peak_mib"] / theirs["peak_mib"]
        report["vitrine"] = ours
        report["time_ratio"] = {name: ours[f"{name}_s"] / theirs[f"{name}_s"] for name in ("logistic", "boosted")}
        report["auc_difference"] = {name: ours[f"{name}_auc"] - theirs[f"{name}_auc"] for name in ("logistic", "boosted")}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
