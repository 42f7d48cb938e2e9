#!/usr/bin/env python3
"""amazon-video-games: Video.txt, a customer and an item a line, in time order within a customer."""
from common import Writer, either, lines, made_up_time, run


def convert(folder):
    out = Writer()
    seen = {}
    for line in lines(either(folder, "Video.txt.gz", "Video.txt")):
        customer, item = line.split()
        place = seen[customer] = seen.get(customer, -1) + 1
        out.row(customer=customer, item=item, type="purchase", time=made_up_time(place))


run(convert)
