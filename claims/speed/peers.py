"""Data and released peers for the claims of this folder.

peers.py make SET FOLDER            writes FOLDER/train.bin, train.npz and test.npz; SET: lastfm:FILE, yelp:FILE, simulated:CUSTOMERS:ITEMS:PAIRS
peers.py ials FOLDER LISTS k=v …    implicit's alternating least squares: one line of JSON; the ten best of the tested into LISTS
peers.py ndcg FOLDER LISTS OTHERS   NDCG@10 of two files of lists (int32, customers x 10) over the tested customers, and their difference
peers.py everyone FOLDER COUNT k=v  implicit's batch recommendation of a hundred for COUNT customers, five times
peers.py knn FOLDER implicit|topn   item neighbours by cosine, k = 100: implicit's CosineRecommender or sparse_dot_topn
peers.py nearest FOLDER usearch|hnswlib   an approximate index of FOLDER/items.f32: the least effort at which it finds .98 of exact.i32, one thread
peers.py rows SET FILE OUT          rows for k-means: letter, pendigits, shoppers, credit, shuttle (a file), blobs (a number)
peers.py kmeans FILE CLUSTERS RESTARTS ITERATIONS START SEED   scikit-learn's KMeans
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


def everyone(folder, count, *words):
    """implicit's lists of a hundred for the first `count` customers, from vectors of a short fit."""
    from implicit.cpu.als import AlternatingLeastSquares

    options = {k: json.loads(v) for k, v in (word.split("=") for word in words)}
    train = sparse.load_npz(f"{folder}/train.npz")
    model = AlternatingLeastSquares(num_threads=2, random_state=1, dtype=np.float32, **options)
    model.fit(train, show_progress=False)
    who = np.arange(min(int(count), train.shape[0]))
    rows = train[who]
    for _ in range(ROUNDS):
        begun = moment()
        model.recommend(who, rows, N=100)
        print(json.dumps({"lists": seconds(moment() - begun), "customers": len(who)}))


def knn(folder, kind):
    """The hundred nearest of each item by cosine: `implicit`'s recommender or sparse_dot_topn."""
    train = sparse.load_npz(f"{folder}/train.npz")
    if kind == "implicit":
        from implicit.nearest_neighbours import CosineRecommender

        begun = moment()
        model = CosineRecommender(K=101, num_threads=2)
        model.fit(train, show_progress=False)
        found = model.similarity
    else:
        from sparse_dot_topn import sp_matmul_topn

        begun = moment()
        length = np.sqrt(np.asarray(train.multiply(train).sum(0)).ravel())
        right = train @ sparse.diags(1 / np.maximum(length, 1e-12)).astype(np.float32)
        left = right.T.tocsr()
        found = sp_matmul_topn(left, right.tocsr(), top_n=101, n_threads=2)
    taken = moment() - begun
    print(json.dumps({"fit": seconds(taken), "sum": float(found.sum())}))


ROUNDS = 5


def matrix_of(path):
    with open(path, "rb") as file:
        shape = np.frombuffer(file.read(16), np.int64)
        return np.frombuffer(file.read(), np.float32).reshape(shape)


def nearest(folder, kind):
    """The 20 of largest product by a graph of small worlds: M = 16, 200 candidates at build, more at search until .98 are found."""
    items, queries = matrix_of(f"{folder}/items.f32"), matrix_of(f"{folder}/queries.f32")
    exact = np.fromfile(f"{folder}/exact.i32", np.int32).reshape(len(queries), 20)
    begun = moment()
    if kind == "usearch":
        from usearch.index import Index

        index = Index(ndim=items.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=200)
        index.add(np.arange(len(items)), items, threads=2)
    else:
        import hnswlib

        index = hnswlib.Index(space="ip", dim=items.shape[1])
        index.init_index(max_elements=len(items), M=16, ef_construction=200, random_seed=1)
        index.add_items(items, num_threads=2)
    built = moment() - begun

    def search(effort):
        if kind == "usearch":
            index.expansion_search = effort
            return index.search(queries, 20, threads=1).keys
        index.set_ef(effort)
        return index.knn_query(queries, k=20, num_threads=1)[0]

    for effort in (20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960, 1280, 2560, 5120):
        recall = np.mean([len(np.intersect1d(a, b)) for a, b in zip(search(effort), exact)]) / 20
        if recall >= 0.98:
            break
    taken = []
    for _ in range(ROUNDS):
        begun = moment()
        search(effort)
        taken.append((moment() - begun)[1] * 1e6 / len(queries))
    print(json.dumps({"build": seconds(built), "effort": effort, "recall": round(float(recall), 4), "search": round(float(np.median(taken)), 1)}))


def rows_of(name, path):
    """The numeric columns of a data set, standardised, as the claims cluster them."""
    def table(**options):
        open_it = gzip.open if path.endswith(".gz") else open
        return np.genfromtxt(open_it(path, "rt"), **options)

    if name == "letter":
        rows = table(delimiter=",", usecols=range(1, 17))
    elif name == "pendigits":
        rows = table(delimiter=",", skip_header=1)[:, 1:17]
    elif name == "shoppers":
        rows = table(delimiter=";", skip_header=1, usecols=range(10))
    elif name == "credit":
        head = gzip.open(path, "rt").readline().strip().replace('"', "").split(",")
        wanted = [i for i, column in enumerate(head) if column.startswith(("LIMIT_BAL", "AGE", "BILL_AMT", "PAY_AMT"))]
        rows = table(delimiter=",", skip_header=1, usecols=wanted)
    elif name == "shuttle":
        rows = table(delimiter=",", skip_header=1)[:, :-1]
    else:
        random = np.random.default_rng(3)
        centres = random.normal(size=(50, 16)) * 2
        rows = centres[random.integers(50, size=int(path))] + random.normal(size=(int(path), 16))
    return ((rows - rows.mean(0)) / np.maximum(rows.std(0), 1e-12)).astype(np.float32)


def rows(name, path, out):
    values = rows_of(name, path)
    with open(out, "wb") as file:
        file.write(np.array(values.shape, np.int64).tobytes() + np.ascontiguousarray(values).tobytes())
    print(json.dumps({"rows": values.shape[0], "columns": values.shape[1]}))


def kmeans(path, clusters, restarts, iterations, start, seed):
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with open(path, "rb") as file:
        shape = np.frombuffer(file.read(16), np.int64)
        values = np.frombuffer(file.read(), np.float32).reshape(shape)
    model = KMeans(int(clusters), n_init=int(restarts), max_iter=int(iterations), init=start, tol=0 if start == "random" else 1e-6, random_state=int(seed), algorithm="lloyd")
    begun = moment()
    with threadpool_limits(limits=2, user_api="openmp"):
        model.fit(values)
    taken = seconds(moment() - begun)
    centre = model.cluster_centers_.astype(np.float64)[model.labels_]
    print(json.dumps({"objective": float(((values - centre) ** 2).sum()), "iterations": int(model.n_iter_), **taken}))


def ndcg(folder, lists, others):
    """NDCG@10 of two files of lists, and the 95 % interval of how much the first is above the second, paired over customers."""
    _, test, who = tested(folder)
    gain = 1 / np.log2(np.arange(2, 12))
    ideal = np.concatenate([[0], np.cumsum(gain)])

    def each(file):
        found = np.fromfile(file, np.int32).reshape(-1, 10)
        held = [test.indices[test.indptr[c] : test.indptr[c + 1]] for c in who]
        return np.array([gain[np.isin(found[c], h)].sum() / ideal[min(10, len(h))] for c, h in zip(who, held)])

    ours, theirs = each(lists), each(others)
    above = ours - theirs
    half = 1.96 * above.std(ddof=1) / np.sqrt(len(above))
    print(f"{ours.mean():.5f} {theirs.mean():.5f} {above.mean() - half:.5f} {above.mean() + half:.5f}")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
