#!/usr/bin/env python3
"""starbucks-promotions: transcript.csv, offers received, viewed and completed, and transactions, by the hour. Hours count from
2000-01-01. Offers are items; a transaction names no item, so import with --map item.optional=true."""
import datetime

from common import Writer, either, made_up_time, run, table

TYPES = {"offer received": "coupon_issued", "offer viewed": "message_opened", "offer completed": "coupon_redeemed",
         "transaction": "purchase"}
HOUR = datetime.timedelta(hours=1)


def convert(folder):
    out = Writer("currency", "properties.reward")
    for row in table(either(folder, "transcript.csv.gz", "transcript.csv")):
        amount = row["value/amount"]
        out.row(customer=row["person"], item=row["value/offer id"] or row["value/offer_id"], type=TYPES[row["event"]],
                time=made_up_time(int(row["time"]), HOUR), value=amount and f"{float(amount):.2f}",
                currency="USD" if amount else "", properties__reward=row["value/reward"])


run(convert)
