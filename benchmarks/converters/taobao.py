#!/usr/bin/env python3
"""taobao-userbehavior-part: customer, item, category, behaviour (pv, cart, fav, buy), unix time."""
from common import Writer, either, run, table, unix_time

TYPES = {"pv": "view", "cart": "cart_add", "fav": "wishlist", "buy": "purchase"}


def convert(folder):
    out = Writer("item.category")
    for row in table(either(folder, "UserBehavior_first_users.csv.gz", "UserBehavior_first_users.csv")):
        out.row(customer=row["user_id"], item=row["item_id"], type=TYPES[row["behavior"]], time=unix_time(row["timestamp"]),
                item__category=row["category_id"])


run(convert)
