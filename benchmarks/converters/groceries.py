#!/usr/bin/env python3
"""groceries: baskets.csv, the items of one basket a line; items.csv for categories. A basket is its own customer; no times, so
baskets follow each other by a minute."""
import csv

from common import Writer, either, lines, made_up_time, run, table


def convert(folder):
    categories = {row["item"]: row["level2"] for row in table(either(folder, "items.csv"))}
    out = Writer("order", "item.category")
    for number, items in enumerate(csv.reader(lines(either(folder, "baskets.csv"))), start=1):
        for item in items:
            out.row(customer=f"basket-{number}", item=item, type="purchase", time=made_up_time(number), order=number,
                    item__category=categories.get(item, ""))


run(convert)
