"""ALS beside the Python package `implicit` on the same data: seconds, and nDCG at 10 on entries that were held out.

    cargo build --release -p vitrine-learn --example als_bench
    pip install implicit numpy scipy
    python benches/peers/als.py target/release/examples/als_bench

The data are made up: 50,000 customers, 10,000 items, customers and items in 40 groups, long tails on both sides. One entry
in ten is held out. Both run with all cores; `implicit` with its default solver, three steps of conjugate gradients.
"""

import os
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import implicit
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


def ours(program, train, factors, regularisation, alpha, iterations):
    with tempfile.TemporaryDirectory() as folder:
        entries, vectors = os.path.join(folder, "entries"), os.path.join(folder, "vectors")
        rows = train.tocoo()
        with open(entries, "wb") as file:
            numpy.array([N_USERS, N_ITEMS, rows.nnz], dtype="<u4").tofile(file)
            rows.row.astype("<u4").tofile(file)
            rows.col.astype("<u4").tofile(file)
            rows.data.astype("<f4").tofile(file)
        command = [program, entries, vectors, str(factors), str(regularisation), str(alpha), str(iterations)]
        seconds = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        values = numpy.fromfile(vectors, dtype="<f4").reshape(-1, factors)
        return seconds, values[:N_USERS], values[N_USERS:]


def theirs(train, factors, regularisation, alpha, iterations):
    # Their confidence is alpha times the weight, ours 1 more.
    model = implicit.als.AlternatingLeastSquares(
        factors=factors, regularization=regularisation, alpha=alpha + 1, iterations=iterations,
        random_state=1, calculate_training_loss=False)
    begun = time.perf_counter()
    model.fit(train, show_progress=False)
    return time.perf_counter() - begun, model.user_factors, model.item_factors


def main():
    program = sys.argv[1]
    pairs, held = made_up()
    entries = (numpy.ones(len(pairs), dtype=numpy.float32), (pairs // N_ITEMS, pairs % N_ITEMS))
    train = scipy.sparse.csr_matrix(entries, shape=(N_USERS, N_ITEMS))
    print(f"{N_USERS} customers, {N_ITEMS} items, {train.nnz} entries, {len(held)} held out, {os.cpu_count()} cores")
    print("| factors | ours s | implicit s | ratio | ours nDCG@10 | implicit nDCG@10 |")
    print("|---|---|---|---|---|---|")
    for factors in (32, 64):
        options = (factors, 10.0, 4.0, 15)
        rounds = [(ours(program, train, *options), theirs(train, *options)) for _ in range(3)]
        mine, other = (min((round[side] for round in rounds), key=lambda run: run[0]) for side in (0, 1))
        quality = [ndcg(users, items, train, held) for _, users, items in (mine, other)]
        print(f"| {factors} | {mine[0]:.2f} | {other[0]:.2f} | {mine[0] / other[0]:.2f} "
              f"| {quality[0]:.4f} | {quality[1]:.4f} |", flush=True)


if __name__ == "__main__":
    main()
