#!/usr/bin/env python3
"""foursquare-singapore: train.txt and test.txt, visits of a customer to a place, with their number (no times: all the same)."""
from common import Writer, either, lines, made_up_time, run


def convert(folder):
    out = Writer("quantity")
    for part in (("train.txt.gz", "train.txt"), ("test.txt",)):
        for line in lines(either(folder, *part)):
            customer, item, count = line.split()
            out.row(customer=customer, item=item, type="view", time=made_up_time(0), quantity=int(float(count)))


run(convert)
