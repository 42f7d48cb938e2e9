"""One row a customer out of a shop's exported log, and its analysis beside the campaign's report.

usage: campaign_table.py table EVENTS.csv CAMPAIGN DAYS >TABLE.csv
       campaign_table.py compare LIVE.json ANALYSED.json
`table` reads the events as `attune export events` writes them: who was assigned to which group first, and what they ordered in as many
days before and after. `compare` prints how many figures of the report differ from the analysis in their first nine digits, how many there
are, and whether the intervals of the first metric hold the truth (1) or not (0).
"""

import csv
import json
import sys
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal


def table(events, campaign, days):
    group, since = {}, {}
    orders = defaultdict(lambda: [None, Decimal(0)])  # (customer, order) -> first time, value
    with open(events, newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            if row["type"] == "assignment" and row["source"] == "campaign:" + campaign:
                decision = json.loads(json.loads(row["properties"])["decision"])
                moment = datetime.fromisoformat(decision["time"])
                customer = row["customer_id"]
                if customer not in since or moment < since[customer]:
                    index, arms = decision["group"], decision["arms"]  # arms: [name, weight]
                    group[customer] = "holdout" if index < 0 else arms[index][0]
                    since[customer] = moment
            elif row["type"] == "purchase" and row["customer_id"]:
                order = orders[row["customer_id"], row["order_id"] or row["event_id"]]
                moment = datetime.fromisoformat(row["time"])
                order[0] = moment if order[0] is None else min(order[0], moment)
                order[1] += Decimal(row["value"] or 0)
    window = timedelta(days=days)
    before, after = defaultdict(int), defaultdict(list)
    for (customer, _), (moment, value) in orders.items():
        if customer not in since:
            continue
        apart = moment - since[customer]
        if timedelta(0) < apart <= window:
            after[customer].append(value)
        elif -window <= apart <= timedelta(0):
            before[customer] = 1
    out = csv.writer(sys.stdout)
    out.writerow(["customer", "group", "conversion", "revenue", "before"])
    for customer in since:
        values = after[customer]
        out.writerow([customer, group[customer], int(bool(values)), sum(values, Decimal(0)), before[customer]])


def figures(experiment):
    found = {}
    for metric in experiment["metrics"]:
        for comparison in metric["comparisons"]:
            for kind in ("difference", "corrected", "unadjusted"):
                whole = comparison.get(kind) or {}
                for name in ("absolute", "relative"):
                    for end, value in (whole.get(name) or {}).items():
                        found[metric["name"], comparison["arm"], kind, name, end] = value
                found[metric["name"], comparison["arm"], kind, "p_value"] = whole.get("p_value")
        for arm in metric["arms"]:
            for name in ("customers", "sum", "value", "low", "high"):
                found[metric["name"], arm["arm"], name] = arm.get(name)
    return found


def shown(value):
    return f"{value:.9g}" if isinstance(value, (int, float)) else json.dumps(value)


def compare(live, analysed):
    with open(live, encoding="utf-8") as file:
        run = json.load(file)
    with open(analysed, encoding="utf-8") as file:
        again = figures(json.load(file))
    report = figures(run["report"]["experiment"])
    differ = [key for key in report.keys() | again.keys() if shown(report.get(key)) != shown(again.get(key))]
    for key in differ:
        print(key, shown(report.get(key)), shown(again.get(key)), file=sys.stderr)
    first = run["figures"][0]["metric"]
    inside = all(one["inside"] for one in run["figures"] if one["metric"] == first)
    print(len(differ), len(report), int(inside))


if __name__ == "__main__":
    if sys.argv[1] == "table":
        table(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        compare(sys.argv[2], sys.argv[3])
