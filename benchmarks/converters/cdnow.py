#!/usr/bin/env python3
"""cdnow: CDNOW_master.txt (customer, date, CDs, dollars) or CDNOW_sample.txt (customer, number in the sample, date, CDs, dollars).
Give the file. What was bought is not told: every item is "CD"."""
from common import Writer, lines, run


def convert(path):
    out = Writer("quantity", "currency")
    for line in lines(path):
        cells = line.split()
        if not cells[0].isdigit():
            continue  # header
        customer, (day, count, dollars) = cells[0], cells[-3:]
        out.row(customer=customer, item="CD", type="purchase", time=f"{day[:4]}-{day[4:6]}-{day[6:]}", value=dollars,
                quantity=count, currency="USD")


run(convert)
