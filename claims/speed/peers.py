"""Data and released peers for the claims of this folder.

peers.py make SET FOLDER            writes FOLDER/train.bin, train.npz and test.npz; SET: lastfm:FILE, yelp:FILE, simulated:CUSTOMERS:ITEMS:PAIRS
peers.py ials FOLDER LISTS k=v …    implicit's alternating least squares: one line of JSON; the ten best of the tested into LISTS
peers.py ndcg FOLDER LISTS          NDCG@10 of lists (int32, customers x 10) over the tested customers
peers.py everyone FOLDER VECTORS N  implicit's batch recommendation of N for everyone from vectors given
peers.py cosine FOLDER K            implicit's CosineRecommender, then sparse_dot_topn, on items
"""

import gzip
import json
import resource
import sys
import time

import numpy as np
from scipy import sparse

TESTED = 10_000  # customers whose lists are scored


def moment():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return np.array([time.perf_counter(), usage.ru_utime + usage.ru_stime])


def seconds(taken):
    return {"wall": round(float(taken[0]), 4), "cpu": round(float(taken[1]), 4)}


def read_lastfm(path):
    rows = np.loadtxt(gzip.open(path, "rt"), skiprows=1, dtype=np.int64)
    return rows[:, 0], rows[:, 1], np.log1p(rows[:, 2]).astype(np.float32)


def read_yelp(path):
    customers, items = [], []
    for line in gzip.open(path, "rt"):
        numbers = [int(word) for word in line.split()]
        customers += [numbers[0]] * (len(numbers) - 1)
        items += numbers[1:]
    return np.array(customers), np.array(items), np.ones(len(items), np.float32)


def simulate(customers, items, pairs):
    """Tastes: 200 groups of items; seven of ten interactions lie in one of the customer's three groups. Popularity falls as 1 / rank^.8."""
    random = np.random.default_rng(7)
    groups = 200
    popularity = (1 + np.arange(items)) ** -0.8
    group = random.integers(groups, size=items)
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], np.arange(groups + 1))
    within = np.concatenate([[0], np.cumsum(popularity[order])])
    everywhere = np.cumsum(popularity)
    activity = random.lognormal(0, 1, size=customers)
    drawn = int(pairs * 1.12)
    who = np.searchsorted(np.cumsum(activity) / activity.sum(), random.random(drawn)).astype(np.int32)
    who = np.minimum(who, customers - 1)
    taste = random.integers(groups, size=(customers, 3))
    own = random.random(drawn) < 0.7
    chosen = taste[who, random.integers(3, size=drawn)]
    low, high = within[start[chosen]], within[start[chosen + 1]]
    place = np.searchsorted(within, low + (high - low) * random.random(drawn), side="right") - 1
    mine = order[np.clip(place, 0, items - 1)]
    any_item = np.searchsorted(everywhere / everywhere[-1], random.random(drawn))
    what = np.where(own, mine, np.minimum(any_item, items - 1)).astype(np.int32)
    return who, what, np.ones(drawn, np.float32)


def make(name, folder):
    kind, _, rest = name.partition(":")
    if kind == "simulated":
        customers, items, pairs = (int(n) for n in rest.split(":"))
        who, what, weight = simulate(customers, items, pairs)
    else:
        who, what, weight = {"lastfm": read_lastfm, "yelp": read_yelp}[kind](rest)
        who, what = np.unique(who, return_inverse=True)[1], np.unique(what, return_inverse=True)[1]
        customers, items = int(who.max()) + 1, int(what.max()) + 1
    everything = sparse.csr_matrix((weight, (who, what)), shape=(customers, items), dtype=np.float32)
    if kind == "simulated":
        everything.data[:] = 1
    # A fifth of each customer's pairs is held out, as many as fall to it by chance.
    held = np.random.default_rng(11).random(everything.nnz) < 0.2
    coo = everything.tocoo()
    parts = [sparse.csr_matrix((coo.data[m], (coo.row[m], coo.col[m])), shape=everything.shape) for m in (~held, held)]
    for part, label in zip(parts, ("train", "test")):
        part.sort_indices()
        sparse.save_npz(f"{folder}/{label}.npz", part, compressed=False)
    train = parts[0]
    with open(f"{folder}/train.bin", "wb") as out:
        out.write(np.array([customers, items], np.int32).tobytes() + np.array([train.nnz], np.int64).tobytes())
        for values, kind in ((train.indptr, np.int64), (train.indices, np.int32), (train.data, np.float32)):
            out.write(np.ascontiguousarray(values, kind).tobytes())
    print(json.dumps({"customers": customers, "items": items, "train": int(train.nnz), "test": int(parts[1].nnz)}))


def tested(folder):
    train, test = sparse.load_npz(f"{folder}/train.npz"), sparse.load_npz(f"{folder}/test.npz")
    count = min(TESTED, train.shape[0])
    return train, test, np.array([c for c in range(count) if train.indptr[c + 1] > train.indptr[c] and test.indptr[c + 1] > test.indptr[c]])


def ials(folder, lists, *words):
    from implicit.cpu.als import AlternatingLeastSquares

    options = {k: json.loads(v) for k, v in (word.split("=") for word in words)}
    train = sparse.load_npz(f"{folder}/train.npz")
    model = AlternatingLeastSquares(num_threads=2, random_state=1, dtype=np.float32, **options)
    steps, last = [], [moment()]

    def stamp(*_):
        now = moment()
        steps.append(seconds(now - last[0]))
        last[0] = now

    begun = moment()
    model.fit(train, show_progress=False, callback=stamp)
    fit = moment() - begun
    if lists != "none":
        who = np.arange(min(TESTED, train.shape[0]))
        model.recommend(who, train[who], N=10)[0].astype(np.int32).tofile(lists)
    print(json.dumps({"fit": seconds(fit), "steps": steps}))


def ndcg(folder, lists):
    _, test, who = tested(folder)
    found = np.fromfile(lists, np.int32).reshape(-1, 10)
    gain = 1 / np.log2(np.arange(2, 12))
    ideal = np.concatenate([[0], np.cumsum(gain)])
    total = [gain[np.isin(found[c], test.indices[test.indptr[c] : test.indptr[c + 1]])].sum() / ideal[min(10, test.indptr[c + 1] - test.indptr[c])] for c in who]
    print(f"{np.mean(total):.5f}")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
