"""ALS beside the Python package `implicit` on the same data: seconds, peak memory, and nDCG at 10 on entries held out.

    cargo build --release -p vitrine-learn --example als_bench
    pip install implicit numpy scipy
    python benches/peers/als.py target/release/examples/als_bench

The data are made up: 50,000 customers, 10,000 items, customers and items in 40 groups, long tails on both sides. One entry
in ten is held out. Both run with all cores, each in a process of its own that reads the entries from a file; `implicit` with
its default solver, three steps of conjugate gradients. The peak of a process is all of it, its libraries too.
"""

import argparse
import json
import os
import pathlib
import tempfile
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import measure
import numpy
import scipy.sparse

N_USERS, N_ITEMS, N_GROUPS, N_ENTRIES = 50_000, 10_000, 40, 1_300_000


def made_up(seed=7):
    random = numpy.random.default_rng(seed)
    user_of = random.integers(0, N_GROUPS, N_USERS)
    item_of = random.integers(0, N_GROUPS, N_ITEMS)
    popularity = 1.0 / (numpy.arange(N_ITEMS) + 20.0)
    popularity = random.permutation(popularity)
    activity = random.pareto(1.5, N_USERS) + 0.3
    users = random.choice(N_USERS, N_ENTRIES, p=activity / activity.sum())
    items = numpy.empty(N_ENTRIES, dtype=numpy.int64)
    own = random.random(N_ENTRIES) < 0.6
    items[~own] = random.choice(N_ITEMS, int((~own).sum()), p=popularity / popularity.sum())
    for group in range(N_GROUPS):
        members = numpy.flatnonzero(item_of == group)
        at = numpy.flatnonzero(own & (user_of[users] == group))
        share = popularity[members] / popularity[members].sum()
        items[at] = members[random.choice(len(members), len(at), p=share)]
    pairs = numpy.unique(users.astype(numpy.int64) * N_ITEMS + items)
    held = random.random(len(pairs)) < 0.1
    return pairs[~held], pairs[held]


def ndcg(users, items, train, held, n_tested=5_000):
    later = {}
    for pair in held:
        later.setdefault(int(pair // N_ITEMS), set()).add(int(pair % N_ITEMS))
    gains = 1.0 / numpy.log2(numpy.arange(2, 12))
    found = []
    for user in sorted(later)[:n_tested]:
        scores = items @ users[user]
        scores[train.indices[train.indptr[user]:train.indptr[user + 1]]] = -numpy.inf
        top = numpy.argpartition(-scores, 10)[:10]
        top = top[numpy.argsort(-scores[top], kind="stable")]
        hits = numpy.array([item in later[user] for item in top])
        found.append((hits * gains).sum() / gains[:min(10, len(later[user]))].sum())
    return float(numpy.mean(found))


def ours(program, folder, train, options):
    """A fit by this project: seconds, peak memory, and the vectors of customers and items."""
    entries, vectors = folder / "entries", folder / "vectors"
    rows = train.tocoo()
    with open(entries, "wb") as file:
        numpy.array([N_USERS, N_ITEMS, rows.nnz], dtype="<u4").tofile(file)
        rows.row.astype("<u4").tofile(file)
        rows.col.astype("<u4").tofile(file)
        rows.data.astype("<f4").tofile(file)
    out, cost = measure.child([str(program), str(entries), str(vectors), *map(str, options)])
    values = numpy.fromfile(vectors, dtype="<f4").reshape(-1, options[0])
    return {"seconds": float(out), "peak_mib": cost["peak_mib"], "vectors": (values[:N_USERS], values[N_USERS:])}


def theirs(folder, train, options):
    """The same by `implicit`."""
    scipy.sparse.save_npz(folder / "train.npz", train)
    told, cost = measure.this_script(__file__, "--child", str(folder), *map(str, options))
    values = numpy.load(folder / "vectors.npz")
    return {"seconds": told["seconds"], "peak_mib": cost["peak_mib"], "vectors": (values["users"], values["items"])}


def child(folder, factors, regularisation, alpha, iterations):
    """What the process of `implicit` does."""
    import implicit

    train = scipy.sparse.load_npz(folder / "train.npz")
    # Their confidence is alpha times the weight, ours 1 more.
    model = implicit.als.AlternatingLeastSquares(
        factors=int(factors), regularization=regularisation, alpha=alpha + 1, iterations=int(iterations),
        random_state=1, calculate_training_loss=False)
    begun = time.perf_counter()
    model.fit(train, show_progress=False)
    seconds = time.perf_counter() - begun
    numpy.savez(folder / "vectors.npz", users=model.user_factors, items=model.item_factors)
    print(json.dumps({"seconds": seconds}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path, nargs="?", help="the example als_bench")
    parser.add_argument("--rounds", type=int, default=3, help="the quickest of so many fits counts")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(pathlib.Path(options.child[0]), *map(float, options.child[1:]))
        return
    pairs, held = made_up()
    entries = (numpy.ones(len(pairs), dtype=numpy.float32), (pairs // N_ITEMS, pairs % N_ITEMS))
    train = scipy.sparse.csr_matrix(entries, shape=(N_USERS, N_ITEMS))
    report = {"customers": N_USERS, "items": N_ITEMS, "entries": train.nnz, "held_out": len(held), "factors": {}}
    for factors in (32, 64):
        fit = (factors, 10.0, 4.0, 15)
        found = {"vitrine": [], "implicit": []}
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(options.rounds):
                found["vitrine"].append(ours(options.program, pathlib.Path(folder), train, fit))
                found["implicit"].append(theirs(pathlib.Path(folder), train, fit))
        sides = {}
        for side, runs in found.items():
            best = min(runs, key=lambda run: run["seconds"])
            sides[side] = {
                "seconds": round(best["seconds"], 3),
                "peak_mib": best["peak_mib"],
                "ndcg_10": round(ndcg(*best["vectors"], train, held), 4),
            }
        sides["time_ratio"] = round(sides["vitrine"]["seconds"] / sides["implicit"]["seconds"], 2)
        sides["memory_ratio"] = round(sides["vitrine"]["peak_mib"] / sides["implicit"]["peak_mib"], 2)
        report["factors"][str(factors)] = sides
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
