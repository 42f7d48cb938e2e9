#!/usr/bin/env python3
"""lastfm-hetrec-2011: user_artists.dat, plays of an artist by a customer (no times: all the same); artists.dat for the names."""
from common import Writer, either, made_up_time, run, table


def convert(folder):
    artists = table(either(folder, "artists.dat.gz", "artists.dat"), delimiter="\t")
    names = {row["id"]: row["name"] for row in artists}
    out = Writer("quantity", "item.name")
    for row in table(either(folder, "user_artists.dat.gz", "user_artists.dat"), delimiter="\t"):
        out.row(customer=row["userID"], item=row["artistID"], type="view", time=made_up_time(0), quantity=row["weight"],
                item__name=names.get(row["artistID"], ""))


run(convert)
