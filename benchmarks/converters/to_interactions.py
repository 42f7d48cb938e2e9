#!/usr/bin/env python3
"""Turns converted events (CSV with customer, item, time and, where told, rating or quantity) into the lines that the leaderboard
benchmark reads: customer TAB item TAB weight TAB unix time. Give the CSV, or - for standard input."""
import csv
import datetime
import sys

from common import lines, run


def convert(path):
    rows = csv.DictReader(sys.stdin if path == "-" else lines(path))
    for row in rows:
        if not row["item"]:
            continue
        moment = datetime.datetime.fromisoformat(row["time"].replace("Z", "+00:00"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.timezone.utc)
        weight = row.get("rating") or row.get("quantity") or 1
        print(row["customer"], row["item"], weight, int(moment.timestamp()), sep="\t")


run(convert)
