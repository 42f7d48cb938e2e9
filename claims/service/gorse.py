"""gorse.py ADDRESS DATA CUSTOMERS: tells Gorse what the first CUSTOMERS of MovieLens-100K rated, waits until it has a list
for each of them, and prints how many interactions that were."""

import datetime
import gzip
import json
import sys
import time
import urllib.request


def ask(path, rows=None):
    body = None if rows is None else json.dumps(rows).encode()
    request = urllib.request.Request(address + path, body, {"Content-Type": "application/json"})
    return json.loads(urllib.request.urlopen(request).read())


def post(path, rows):
    for begin in range(0, len(rows), 5000):
        ask(path, rows[begin : begin + 5000])


def ranked():
    return any(
        task["Name"] == "Generate offline recommendation" and task["Status"] == "Complete"
        for task in ask("/api/dashboard/tasks")
    )


address, data, customers = sys.argv[1], sys.argv[2], int(sys.argv[3])
items, feedback = set(), []
for line in gzip.open(f"{data}/movielens-100k/u.data.gz", "rt"):
    customer, item, _, seconds = line.split("\t")
    items.add(item)
    if int(customer) > customers:
        continue
    moment = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)
    feedback.append({"FeedbackType": "star", "UserId": customer, "ItemId": item, "Timestamp": moment.isoformat()})
until = time.time() + 60
while True:
    try:
        ask("/api/dashboard/tasks")
        break
    except OSError:
        if time.time() > until:
            sys.exit("Gorse does not answer")
        time.sleep(0.2)
post("/api/items", [{"ItemId": item, "Timestamp": "1998-01-01T00:00:00Z"} for item in sorted(items)])
post("/api/feedback", feedback)
until = time.time() + 600
while not ranked():
    if time.time() > until:
        sys.exit("Gorse has not ranked in ten minutes")
    time.sleep(1)
print(len(feedback))
