#!/usr/bin/env python3
"""amazon-beauty-5core, amazon-sports-5core, yelp-5core: sequences.txt, a customer number and its items in time order."""
from common import Writer, either, lines, made_up_time, run


def convert(folder):
    out = Writer()
    for line in lines(either(folder, "sequences.txt.gz", "sequences.txt")):
        customer, *items = line.split()
        for place, item in enumerate(items):
            out.row(customer=customer, item=item, type="purchase", time=made_up_time(place))


run(convert)
