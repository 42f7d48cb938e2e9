"""Compares exports of events and customers with sdk_messages.json: EVENTS CUSTOMERS TIME PREFIX…; prints how many rows of events
were found whole, how many there should be, and how many faults there are."""
import datetime
import json
import pathlib
import sys

import xxhash

events, customers, time, *prefixes = sys.argv[1:]
sent_at = datetime.datetime.fromisoformat(time)
# The first line names every field, with null where nothing is told.
history, people = ([{name: value for name, value in json.loads(line).items() if value is not None} for line in pathlib.Path(file).read_text().splitlines()]
                   for file in (events, customers))
messages = json.loads(pathlib.Path(__file__).with_name("sdk_messages.json").read_text())
by_id = {row["event_id"]: row for row in history}
found = faults = wanted = 0


def complain(place, what):
    global faults
    faults += 1
    print(f"{place}: {what}")


def kept_of(context):
    """What of a context stays among the properties."""
    kept = {"campaign": context["campaign"]} if "campaign" in context else {}
    if "referrer" in context.get("page", {}):
        kept["page"] = {"referrer": context["page"]["referrer"]}
    return kept


def check(prefix, message, row_number, row):
    """One row of the history against what was sent. An exported id is a hash of source and messageId."""
    own = f"{prefix}-{message['id']}" + (f"#{row_number}" if len(message["rows"]) > 1 else "")
    got = by_id.get("attune:" + xxhash.xxh3_128_hexdigest(f"segment\0{own}".encode(), seed=1))
    if got is None:
        return complain(own, "is not in the history")
    before = faults
    for name in ("type", "customer_id", "anonymous_id", "item_id", "order_id", "price", "quantity", "value", "currency",
                 "channel", "text", "url"):
        value = row.get(name)
        if name in ("customer_id", "anonymous_id") and value is not None:
            value = f"{prefix}-{value}"
        if got.get(name) != value:
            complain(own, f"{name} is {got.get(name)!r}, not {value!r}")
    if abs((datetime.datetime.fromisoformat(got["time"]) - sent_at).total_seconds()) > 5:
        complain(own, f"time is {got['time']}, not {time}")
    if "properties" in message:
        properties = dict(message["properties"])
        if len(message["rows"]) > 1:
            properties["products"] = [properties["products"][row_number]]
        if message["call"] in ("page", "screen"):
            properties |= {name: message[name] for name in ("name", "category") if name in message}
        if kept := kept_of(message.get("context", {})):
            properties["context"] = kept
        if json.loads(got.get("properties", "null")) != properties:
            complain(own, f"properties are {got.get('properties')}")
    return faults == before


def check_person(prefix):
    """Traits of identify and group in the customer's row; the browser tab and the aliased id in rows of their own."""
    anna = f"{prefix}-anna"
    traits = {"email": "anna@example.com", "city": "Köln", "age": "34", "address.country": "DE", "group.plan": "gold",
              "group_id": f"{prefix}-acme"}
    rows = [{k: v for k, v in row.items() if k not in ("customer_id", "time")} for row in people if row.get("customer_id") == anna]
    for row in (traits, {"anonymous_id": f"{prefix}-tab"}, {"anonymous_id": f"{prefix}-old-anna"}):
        if row not in rows:
            complain(anna, f"{row} is not among what is known of her: {rows}")


for prefix in prefixes:
    check_person(prefix)
    for message in messages:
        for row_number, row in enumerate(message["rows"]):
            wanted += 1
            found += bool(check(prefix, message, row_number, row))
if len(history) != wanted:
    complain("history", f"holds {len(history)} events, not {wanted}")
print(found, wanted, faults)
