#!/usr/bin/env python3
"""citeulike-a: users.dat, line n holds a count and the articles in the library of customer n (no times: all the same)."""
from common import Writer, either, lines, made_up_time, run


def convert(folder):
    out = Writer()
    for customer, line in enumerate(lines(either(folder, "users.dat.gz", "users.dat"))):
        for item in line.split()[1:]:
            out.row(customer=customer, item=item, type="like", time=made_up_time(0))


run(convert)
