"""The Complete Journey: campaigns of a grocer, as events and as a table of households.

events DATA OUT            one CSV of purchases, invitations (message_sent) and redemptions (coupon_redeemed)
table DATA EXPORT OUT      a row a household of campaign 18 against those of no type A campaign, out of what `attune export events` gave
check DATA TABLE ANSWER    the answer of `attune experiment analyse` against scipy on the raw files: prints "FIGURES WORST"
"""
import csv
import datetime
import gzip
import json
import sys

import numpy as np
from scipy import stats

CAMPAIGN, DAYS = "18", 55


def rows(path):
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as file:
        yield from csv.DictReader(file)


def start_of(data):
    return {r["campaign_id"]: (r["campaign_type"], r["start_date"]) for r in rows(f"{data}/campaign_descriptions.csv")}


def events(data, out):
    starts = start_of(data)
    with open(out, "w", newline="") as file:
        write = csv.writer(file)
        write.writerow(["event_id", "customer_id", "date", "type", "order_id", "product_id", "quantity", "revenue", "session_id"])
        for n, r in enumerate(rows(f"{data}/transactions_sample.csv.gz")):
            write.writerow([f"t{n}", r["household_id"], r["transaction_timestamp"], "purchase", r["basket_id"], r["product_id"],
                            r["quantity"], r["sales_value"], ""])
        for r in rows(f"{data}/campaigns.csv"):
            write.writerow([f"m{r['campaign_id']}-{r['household_id']}", r["household_id"], starts[r["campaign_id"]][1] + " 00:00:00",
                            "message_sent", "", "", "", "", r["campaign_id"]])
        for n, r in enumerate(rows(f"{data}/coupon_redemptions.csv")):
            write.writerow([f"r{n}", r["household_id"], r["redemption_date"] + " 12:00:00", "coupon_redeemed", "", "", "", "",
                            r["campaign_id"]])


def grouped(data, bought, invited, redeemed):
    """(household, arm, spent, spent before, redeemed) of the arms."""
    starts = start_of(data)
    begin = datetime.datetime.fromisoformat(starts[CAMPAIGN][1])
    days = datetime.timedelta(days=DAYS)
    other = {h for h, c in invited if starts[c][0] == "Type A"}
    arm = {h: "invited" for h, c in invited if c == CAMPAIGN}
    after, before = {}, {}
    for household, at, value in bought:
        arm.setdefault(household, "" if household in other else "not invited")
        for sums, low in ((after, begin), (before, begin - days)):
            if low <= at < low + days:
                sums[household] = sums.get(household, 0) + value
    took = {h for h, c in redeemed if c == CAMPAIGN}
    return [(h, a, after.get(h, 0.), before.get(h, 0.), int(h in took)) for h, a in sorted(arm.items()) if a]


def table(data, export, out):
    bought, invited, redeemed = [], [], []
    for r in rows(export):
        if r["type"] == "purchase":
            bought.append((r["customer_id"], datetime.datetime.fromisoformat(r["time"][:19]), float(r["value"] or 0)))
        elif r["type"] == "message_sent":
            invited.append((r["customer_id"], r["session_id"]))
        elif r["type"] == "coupon_redeemed":
            redeemed.append((r["customer_id"], r["session_id"]))
    with open(out, "w", newline="") as file:
        write = csv.writer(file)
        write.writerow(["household", "arm", "spent", "spent_before", "redeemed"])
        write.writerows(grouped(data, bought, invited, redeemed))
    print(len(bought), len(invited), len(redeemed))


def check(data, answer):
    bought = [(r["household_id"], datetime.datetime.fromisoformat(r["transaction_timestamp"]), float(r["sales_value"]))
              for r in rows(f"{data}/transactions_sample.csv.gz")]
    invited = [(r["household_id"], r["campaign_id"]) for r in rows(f"{data}/campaigns.csv")]
    redeemed = [(r["household_id"], r["campaign_id"]) for r in rows(f"{data}/coupon_redemptions.csv")]
    everybody = grouped(data, bought, invited, redeemed)
    told = json.load(open(answer))["metrics"][0]
    one, none = (np.array([r[2] for r in everybody if r[1] == arm]) for arm in ("invited", "not invited"))
    test = stats.ttest_ind(one, none, equal_var=False)
    interval = test.confidence_interval(.95)
    share = sum(r[4] for r in everybody if r[1] == "invited") / len(one)
    difference = told["comparisons"][0]["difference"]
    absolute = difference.get("absolute", difference)
    wanted = [one.mean() - none.mean(), interval.low, interval.high]
    got = [absolute["value"], absolute["low"], absolute["high"]]
    worst = max(abs(a - b) / abs(a) for a, b in zip(wanted, got))
    print(f"invited {len(one)}, of whom {100 * share:.1f}% redeemed; not invited {len(none)}")
    print(f"spent in {DAYS} days: {wanted[0]:+.4f} ({wanted[1]:+.4f} to {wanted[2]:+.4f}) by scipy, {got[0]:+.4f} "
          f"({got[1]:+.4f} to {got[2]:+.4f}) by Attune")
    print(len(wanted), worst)


if __name__ == "__main__":
    {"events": events, "table": table, "check": check}[sys.argv[1]](*sys.argv[2:])
