#!/usr/bin/env python3
"""tafeng-baskets: history.txt and next_basket.txt, a customer, a tab and its baskets in time order, parted by |. A day apart."""
import datetime

from common import Writer, either, lines, made_up_time, run

DAY = datetime.timedelta(days=1)


def convert(folder):
    out = Writer("order")
    last = dict(line.split("\t") for line in lines(either(folder, "next_basket.txt")))
    for line in lines(either(folder, "history.txt.gz", "history.txt")):
        customer, history = line.split("\t")
        baskets = history.split("|") + ([last[customer]] if customer in last else [])
        for place, basket in enumerate(baskets):
            for item in basket.split():
                out.row(customer=customer, item=item, type="purchase", time=made_up_time(place, DAY),
                        order=f"{customer}-{place + 1}")


run(convert)
