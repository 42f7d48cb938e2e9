#!/usr/bin/env python3
"""rees46-events-sample: 2019-Oct-sample.csv, views, carts and purchases of a shop with category, brand, price and session.
Give the file or its folder."""
import pathlib

from common import Writer, either, run, table

TYPES = {"view": "view", "cart": "cart_add", "remove_from_cart": "cart_remove", "purchase": "purchase"}


def convert(path):
    if pathlib.Path(path).is_dir():
        path = either(path, "2019-Oct-sample.csv")
    out = Writer("price", "currency", "session", "item.category", "item.brand")
    for row in table(path):
        day, clock, _ = row["event_time"].split()
        out.row(customer=row["user_id"], item=row["product_id"], type=TYPES[row["event_type"]], time=f"{day}T{clock}Z",
                price=row["price"], currency="USD", session=row["user_session"],
                item__category=row["category_code"] or row["category_id"], item__brand=row["brand"])


run(convert)
