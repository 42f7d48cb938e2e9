#!/usr/bin/env python3
"""movielens-1m-part: ratings.dat, user::film::rating::unix time; movies.dat for titles and genres."""
from common import Writer, either, lines, run, unix_time


def convert(folder):
    films = dict(line.split("::", 1) for line in lines(either(folder, "movies.dat"), "latin-1"))
    out = Writer("rating", "item.name", "item.category")
    for line in lines(either(folder, "ratings.dat.gz", "ratings.dat")):
        customer, item, rating, seconds = line.split("::")
        name, _, genres = films.get(item, "").rpartition("::")
        out.row(customer=customer, item=item, type="rating", time=unix_time(seconds), rating=rating, item__name=name,
                item__category=genres.split("|")[0])


run(convert)
