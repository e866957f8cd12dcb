"""BG/NBD and Gamma-Gamma with `lifetimes` on CDNOW, timed, beside the published fit and that of another program.

Reads the raw log of the CDNOW sample (customer, sample id, yyyymmdd, CDs, dollars; blanks between), uses purchases up to
--calibration-end, days as weeks / 7. Nothing is written but --out and --repeated.

    python clv.py --transactions CDNOW_sample.txt --calibration-end 1997-09-30
    python clv.py --transactions CDNOW_sample.txt --repeat 100 --repeated large.txt \\
        --vitrine "COMMAND"    # prints {"bgnbd": {r, alpha, a, b, log_likelihood}, "gamma_gamma": {p, q, v}} for large.txt
"""

import argparse
import json
import pathlib
import shlex
import sys
import warnings

import measure

PUBLISHED = {
    "bgnbd": {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426, "log_likelihood": -9582.4},
    "gamma_gamma": {"p": 6.25, "q": 3.74, "v": 15.44},
}


def summary(path, calibration_end):
    """One row a customer: repeat days, recency and age in weeks, mean value of repeat days."""
    import pandas as pd

    log = pd.read_csv(path, sep=r"\s+", header=None, names=["master", "id", "day", "cds", "dollars"], dtype=str)
    log["day"] = pd.to_datetime(log["day"], format="%Y%m%d")
    log["dollars"] = log["dollars"].astype(float)
    end = pd.Timestamp(calibration_end)
    days = log[log["day"] <= end].groupby(["id", "day"], as_index=False)["dollars"].sum()
    first = days.groupby("id")["day"].transform("min")
    repeats = days[days["day"] > first]
    table = days.groupby("id")["day"].agg(["min", "max"])
    table["x"] = repeats.groupby("id").size().reindex(table.index, fill_value=0)
    table["t_x"] = (table["max"] - table["min"]).dt.days / 7
    table["T"] = (end - table["min"]).dt.days / 7
    table["mean"] = repeats.groupby("id")["dollars"].mean().reindex(table.index, fill_value=0.0)
    return table[["x", "t_x", "T", "mean"]]


def log_likelihood(table, fit):
    """The whole log-likelihood of the BG/NBD model, in the units of `T`; `lifetimes` scales time and averages."""
    import numpy as np
    from scipy.special import betaln, gammaln

    r, alpha, a, b = (fit[name] for name in ("r", "alpha", "a", "b"))
    x, t_x, age = (table[name].to_numpy(dtype=float) for name in ("x", "t_x", "T"))
    base = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    stays = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    leaves = np.full_like(stays, -np.inf)
    again = x > 0
    leaves[again] = betaln(a + 1, b + x[again] - 1) - betaln(a, b) - (r + x[again]) * np.log(alpha + t_x[again])
    return float(np.sum(base + np.logaddexp(stays, leaves)))


def lifetimes_peer(options):
    """Fits both models, and gives the seconds of the fits alone."""
    import time

    import pandas as pd

    warnings.simplefilter("ignore")
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    one = summary(options.transactions, options.calibration_end)
    table = pd.concat([one] * options.repeat, ignore_index=True)
    began = time.monotonic()
    bgnbd = BetaGeoFitter(penalizer_coef=0.0).fit(table["x"], table["t_x"], table["T"])
    bgnbd_s = time.monotonic() - began
    buyers = table[table["x"] > 0]
    began = time.monotonic()
    gamma = GammaGammaFitter(penalizer_coef=0.0).fit(buyers["x"], buyers["mean"])
    gamma_s = time.monotonic() - began
    fit = {name: float(bgnbd.params_[name]) for name in ("r", "alpha", "a", "b")}
    expected = bgnbd.conditional_expected_number_of_purchases_up_to_time(39, one["x"], one["t_x"], one["T"])
    if options.out:
        rows = one.assign(
            expected_39_weeks=expected,
            p_alive=bgnbd.conditional_probability_alive(one["x"], one["t_x"], one["T"]),
            expected_mean=gamma.conditional_expected_average_profit(one["x"], one["mean"]),
        )
        rows.to_csv(options.out, index_label="customer_id")
    return {
        "version": measure.version("lifetimes"),
        "customers": len(table),
        "bgnbd": {**fit, "log_likelihood": log_likelihood(one, fit) * options.repeat, "fit_seconds": round(bgnbd_s, 4)},
        "gamma_gamma": {**{name: float(gamma.params_[name]) for name in ("p", "q", "v")}, "fit_seconds": round(gamma_s, 4)},
        "expected_39_weeks": float(expected.sum()),
    }


def difference(found, reference, repeat=1):
    """Greatest relative difference of the parameters that both have; the likelihood found is that of `repeat` shops."""
    worst = 0.0
    for model, values in reference.items():
        for name, value in values.items():
            if name in found.get(model, {}) and not name.endswith("seconds"):
                ours = found[model][name] / (repeat if name == "log_likelihood" else 1)
                worst = max(worst, abs(ours - value) / abs(value))
    return worst


def per_shop(told, repeat):
    """The parameters of a peer, with the likelihood of a single shop."""
    models = {name: dict(told[name]) for name in PUBLISHED}
    models["bgnbd"]["log_likelihood"] /= repeat
    return models


def write_repeated(options):
    """The log with every customer so many times, under ids of their own, for commands that read a file."""
    lines = options.transactions.read_text().splitlines()
    with options.repeated.open("w") as out:
        for copy in range(options.repeat):
            for line in lines:
                master, sample, *rest = line.split()
                out.write(" ".join([f"{master}{copy:04}", f"{sample}{copy:04}", *rest]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--transactions", type=pathlib.Path, required=True, help="the raw CDNOW log")
    parser.add_argument("--calibration-end", default="1997-09-30", help="last day used")
    parser.add_argument("--repeat", type=int, default=1, help="how often every customer is there, for a larger fit")
    parser.add_argument("--repeated", type=pathlib.Path, help="where to write the log with --repeat copies, for --vitrine")
    parser.add_argument("--out", type=pathlib.Path, help="CSV file with one row a customer")
    parser.add_argument("--vitrine", help="a command that prints the fits as JSON, as the shell would split it")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(lifetimes_peer(options)))
        return
    if options.repeated:
        write_repeated(options)
    told, cost = measure.this_script(__file__, *sys.argv[1:], "--child")
    result = {"machine": measure.machine(), "lifetimes": {**told, **cost}}
    result["lifetimes"]["from_published"] = difference(told, PUBLISHED, options.repeat)
    if options.vitrine:
        out, cost = measure.child(shlex.split(options.vitrine))
        ours = json.loads(out)
        copies = options.repeat if options.repeated else 1
        result["vitrine"] = {
            "bgnbd": ours["bgnbd"],
            "gamma_gamma": ours["gamma_gamma"],
            **cost,
            "from_published": difference(ours, PUBLISHED, copies),
            "from_lifetimes": difference(ours, per_shop(told, options.repeat), copies),
        }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
