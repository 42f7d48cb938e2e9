#!/usr/bin/env python3
"""movielens-1m-sequences: train.txt, line n holds the films of customer n in time order; the last film of test_next_item.txt
follows them."""
from common import Writer, either, lines, made_up_time, run


def convert(folder):
    out = Writer()
    last = lines(either(folder, "test_next_item.txt"))
    for customer, line in enumerate(lines(either(folder, "train.txt.gz", "train.txt")), start=1):
        for place, item in enumerate(line.split() + [next(last)]):
            out.row(customer=customer, item=item, type="view", time=made_up_time(place))


run(convert)
