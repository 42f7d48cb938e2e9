#!/usr/bin/env python3
"""filmtrust: ratings.txt, customer, film and rating from .5 to 4 (no times: all the same)."""
from common import Writer, either, lines, made_up_time, run


def convert(folder):
    out = Writer("rating")
    for line in lines(either(folder, "ratings.txt")):
        customer, item, rating = line.split()
        out.row(customer=customer, item=item, type="rating", time=made_up_time(0), rating=rating)


run(convert)
