#!/usr/bin/env python3
"""channel-paths: paths.csv, journeys over channels with how often they ended in a purchase and how often not. Every journey
becomes a customer: a click a channel, then the purchase, which carries its share of the path's value. Clicks and purchases name no item,
so import with --map item.optional=true."""
from common import Writer, either, made_up_time, run, table


def convert(folder):
    out = Writer("channel")
    for number, row in enumerate(table(either(folder, "paths.csv")), start=1):
        channels = row["path"].split(" > ")
        bought, total = int(row["total_conversions"]), int(row["total_conversions"]) + int(row["total_null"])
        value = float(row["total_conversion_value"]) / bought if bought else 0
        for copy in range(total):
            customer = f"{number}-{copy + 1}"
            for place, channel in enumerate(channels):
                out.row(customer=customer, type="click", time=made_up_time(place), channel=channel)
            if copy < bought:
                out.row(customer=customer, type="purchase", time=made_up_time(len(channels)), value=f"{value:.2f}",
                        channel=channels[-1])


run(convert)
