#!/usr/bin/env python3
"""msweb: visits.txt, the areas that one visitor saw in a week (no times: all the same); areas.csv for their names."""
from common import Writer, either, lines, made_up_time, run, table


def convert(folder):
    names = {row["area"]: row["labels"] for row in table(either(folder, "areas.csv"))}
    out = Writer("item.name")
    for customer, line in enumerate(lines(either(folder, "visits.txt")), start=1):
        for item in line.split():
            out.row(customer=customer, item=item, type="view", time=made_up_time(0), item__name=names.get(item, ""))


run(convert)
