#!/usr/bin/env python3
"""ciao-social: train.csv, val.csv, test.csv, a customer and an item a line (no times: all the same); category.csv."""
from common import Writer, either, made_up_time, run, table


def convert(folder):
    categories = {row["item"]: row["category"] for row in table(either(folder, "category.csv"))}
    out = Writer("item.category")
    for part in ("train.csv", "val.csv", "test.csv"):
        for row in table(either(folder, part)):
            out.row(customer=row["user"], item=row["item"], type="purchase", time=made_up_time(0),
                    item__category=categories.get(row["item"], ""))


run(convert)
