#!/usr/bin/env python3
"""frappe-context: train.csv and test.csv, numbers of a customer and the context, then of an app (no times: all the same)."""
from common import Writer, either, lines, made_up_time, run


def convert(folder):
    out = Writer("properties.context")
    for part in (("train.csv.gz", "train.csv"), ("test.csv",)):
        for line in lines(either(folder, *part)):
            left, right = line.split(",")
            customer, _, context = left.partition("-")
            out.row(customer=customer, item=right.partition("-")[0], type="view", time=made_up_time(0),
                    properties__context=context)


run(convert)
