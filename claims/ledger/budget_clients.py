"""64 clients ask a service for offers that cost money, while it is killed; then everything is counted.

budget_clients.py ATTUNE FOLDER KILLS CUSTOMERS MESSAGES COST_MINOR

Prints what happened, and as its last line: ANSWERED SPENT LIMIT KILLS FAULTS.
"""
import http.client
import json
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time

program, folder, kills, customers, limit, cost = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7])
CLIENTS = 64
answered, lock = set(), threading.Lock()
refused = [0]
server = {"port": 0, "key": "", "up": threading.Event(), "over": False}


def start() -> subprocess.Popen:
    process = subprocess.Popen([program, "--data", folder, "serve", "--port", "0", "--json", "--train-every", "0"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    told = json.loads(process.stdout.readline())
    server["port"] = told["port"]
    server["key"] = told.get("admin_key") or server["key"]
    server["up"].set()
    return process


def ask(method: str, path: str, body: str | None = None):
    connection = http.client.HTTPConnection("127.0.0.1", server["port"], timeout=20)
    try:
        connection.request(method, path, body, {"Authorization": "Bearer " + server["key"], "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, json.loads(text) if text.startswith("{") else text
    finally:
        connection.close()


def client(number: int) -> None:
    chance = random.Random(number)
    while not server["over"]:
        server["up"].wait()
        try:
            status, answer = ask("GET", f"/v1/offers?customer=c{chance.randrange(customers)}&surface=home")
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(.02)
            continue
        with lock:
            if status == 200:
                answered.update(offer["offer_id"] for offer in answer["offers"])
            else:
                refused[0] += 1


process = start()
batch = [{"type": "track", "userId": f"c{i}", "event": "Order Completed", "properties": {
    "order_id": f"o{i}", "currency": "EUR", "products": [{"product_id": "p", "price": 10, "quantity": 1}]}} for i in range(customers)]
for begin in range(0, customers, 500):
    assert ask("POST", "/v1/batch", json.dumps({"batch": batch[begin:begin + 500]}))[0] == 200
while True:
    health = ask("GET", "/health/ready")[1]
    if health["journal"] == health["applied"]:
        break
    time.sleep(.1)
campaign = {"name": "tea", "rule": "monetary_cents > 0", "channel": "on_page", "surface": "home", "currency": "EUR",
            "schedule": {"start": "2026-01-01T00:00:00", "end": "2099-01-01T00:00:00"}, "holdout": {"share": .1},
            "budget": {"messages": limit, "money": f"{limit * cost // 100}.{limit * cost % 100:02d}"},
            "treatments": [{"name": "banner", "content": "tea", "cost": f"{cost // 100}.{cost % 100:02d}"}],
            "outcome": {"event": "purchase", "days": 7}}
assert ask("PUT", "/v1/campaigns/tea", json.dumps(campaign))[0] == 200
assert ask("POST", "/v1/campaigns/tea/start")[0] == 200

threads = [threading.Thread(target=client, args=(n,), daemon=True) for n in range(CLIENTS)]
for thread in threads:
    thread.start()
chance, killed, cut_off = random.Random(1), 0, 0
while killed < kills:
    time.sleep(chance.uniform(.2, 1.2))
    before = len(answered)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed += 1
    cut_off += len(answered) < limit
    server["up"].clear()
    process = start()
    print(f"kill {killed}: {before} offers answered", flush=True)
deadline = time.time() + 120
while time.time() < deadline and ask("GET", "/v1/campaigns/tea")[1]["budget"]["available"]["messages"] > 0:
    time.sleep(.2)
time.sleep(1)
server["over"] = True
for thread in threads:
    thread.join(30)
# Everything that was decided reaches the log by itself.
status = ask("GET", "/v1/campaigns/tea")[1]
for _ in range(200):
    report = ask("GET", "/v1/campaigns/tea/report")[1]
    if sum(one["sent"] for one in report["activity"]) >= status["budget"]["spent"]["messages"]:
        break
    time.sleep(.1)
logged = sum(one["sent"] for one in report["activity"])
process.send_signal(signal.SIGTERM)
process.wait()

faults = []
spent, left = status["budget"]["spent"], status["budget"]["available"]
if spent["messages"] > limit or spent["money_minor"] > limit * cost:
    faults.append(f"overspent: {spent}")
if spent["messages"] + left["messages"] + status["budget"]["reserved"]["messages"] != limit:
    faults.append(f"messages do not add up: {status['budget']}")
if spent["money_minor"] != spent["messages"] * cost:
    faults.append(f"money and messages differ: {spent}")
if len(answered) > spent["messages"]:
    faults.append(f"{len(answered)} offers were answered and {spent['messages']} paid")
if logged != spent["messages"]:
    faults.append(f"{logged} offers are in the log and {spent['messages']} in the books")
books = sqlite3.connect(f"file:{folder}/state.sqlite?mode=ro", uri=True)
# Each budget's accounts add up to nothing, and each account to its transfers.
for name, money, messages in books.execute("SELECT budget, sum(money), sum(messages) FROM ledger_accounts GROUP BY budget"):
    if money != 0 or messages != 0:
        faults.append(f"the accounts of budget {name} add up to {money} and {messages}")
for budget, account, money, messages in books.execute("SELECT budget, account, money, messages FROM ledger_accounts").fetchall():
    total = books.execute("SELECT coalesce(sum(CASE WHEN credit = ?2 THEN money ELSE -money END), 0), "
                          "coalesce(sum(CASE WHEN credit = ?2 THEN messages ELSE -messages END), 0) "
                          "FROM ledger_transfers WHERE budget = ?1 AND (credit = ?2 OR debit = ?2)", (budget, account)).fetchone()
    if total != (money, messages):
        faults.append(f"account {account} of budget {budget} holds {(money, messages)}, its transfers {total}")
paid = {row[0] for row in books.execute("SELECT id FROM ledger_reservations")}
lost = answered - paid
if lost:
    faults.append(f"{len(lost)} offers were answered and nobody paid for them")
for fault in faults:
    print("fault:", fault)
print(f"{CLIENTS} clients, {cut_off} of {killed} kills while money was left, {refused[0]} requests refused")
print(len(answered), spent["messages"], limit, killed, len(faults))
