#!/usr/bin/env python3
"""scanner-brand-choice: Catsup.csv, Cracker.csv, Ketchup.csv or Yogurt.csv, one purchase of a household a row, with the prices of
every brand. Give the file. The rows of a household are in time order; times are not told: a week apart."""
import datetime

from common import Writer, made_up_time, run, table

WEEK = datetime.timedelta(days=7)


def convert(path):
    out = Writer("properties.display", "properties.feature")
    seen = {}
    for row in table(path):
        cells = {name.removeprefix("Ketchup."): cell for name, cell in row.items()}
        customer, choice = cells.get("hid") or cells["id"], cells["choice"]
        place = seen[customer] = seen.get(customer, -1) + 1
        price = cells.get(f"price.{choice}", "")
        out.row(customer=customer, item=choice, type="purchase", time=made_up_time(place, WEEK),
                value=price and f"{float(price):.2f}", properties__display=cells.get(f"disp.{choice}", ""),
                properties__feature=cells.get(f"feat.{choice}", ""))


run(convert)
