"""Compares our webhook signatures with released libraries, both ways: prints what is wrong, then "CHECKS FAULTS"."""
import base64, collections, datetime, http.server, json, os, pathlib, random, subprocess, sys, threading, time

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

drive, work, node = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
chance = random.Random(20261122)
checks = faults = 0


def check(ok, what):
    global checks, faults
    checks += 1
    if not ok:
        faults += 1
        print("fault:", what)


def ours(mode, lines):
    done = subprocess.run([drive, mode], input="".join("\t".join(line) + "\n" for line in lines), text=True, capture_output=True, check=True)
    return done.stdout.splitlines()


def secret():
    return "whsec_" + base64.b64encode(chance.randbytes(chance.choice([24, 32, 48, 64]))).decode()


now = int(time.time())
cases = []
for i in range(200):
    body = json.dumps({"i": i, "text": chance.choice(["", "你好", "😀", "a" * 5000, "\u0000\n\t\"\\", "é"])}, ensure_ascii=chance.random() < .5)
    if i % 10 == 0:
        body = chance.choice(["", "not json", " ", "{}\n"])
    cases.append((secret(), f"msg_{chance.getrandbits(64):x}", now - chance.randint(-200, 200), body))

signed = ours("sign", [(s, i, str(t), b.encode().hex()) for s, i, t, b in cases])
lines = "".join(json.dumps({"secret": s, "id": i, "seconds": t, "body": base64.b64encode(b.encode()).decode(), "signature": g}) + "\n"
                for (s, i, t, b), g in zip(cases, signed))
from_node = [json.loads(l) for l in subprocess.run(["node", node], input=lines, text=True, capture_output=True, check=True).stdout.splitlines()]
theirs = []
for (s, i, t, b), signature, other in zip(cases, signed, from_node):
    webhook = Webhook(s)
    headers = {"webhook-id": i, "webhook-timestamp": str(t), "webhook-signature": signature}
    try:
        webhook.verify(b, headers)
        ok = True
    except WebhookVerificationError:
        ok = False
    except ValueError:  # it parses the body after verifying it
        ok = True
    check(ok, f"{i}: Python refuses ours")
    check(other["ok"], f"{i}: JavaScript refuses ours")
    theirs.append(webhook.sign(i, datetime.datetime.fromtimestamp(t, datetime.timezone.utc), b))
    check(theirs[-1] == signature, f"{i}: {theirs[-1]} is not {signature}")
    check(other["signature"] == signature, f"{i}: JavaScript signs otherwise")

# Ours verifies theirs, among others while a secret is replaced, and nothing that was altered.
asked, wanted = [], []
for (s, i, t, b), signature in zip(cases, theirs):
    wrong = base64.b64encode(chance.randbytes(32)).decode()
    for secrets, signatures, identity, seconds, body, at, answer in [
        (s, signature, i, t, b, now, "ok"),
        (f"{secret()} {s}", f"v1,{wrong} {signature}", i, t, b, now, "ok"),
        (secret(), signature, i, t, b, now, "refused"),
        (s, signature, i + "x", t, b, now, "refused"),
        (s, signature, i, t + 1, b, now, "refused"),
        (s, signature, i, t, b + " ", now, "refused"),
        (s, signature.replace("v1,", "v2,"), i, t, b, now, "refused"),
        (s, signature, i, t, b, t + 301, "refused"),
        (s, signature, i, t, b, t - 301, "refused"),
    ]:
        asked.append((secrets, identity, str(seconds), body.encode().hex(), signatures, str(at)))
        wanted.append(answer)
for line, got, want in zip(asked, ours("verify", asked), wanted):
    check(got == want, f"{line[:3]}: {got} instead of {want}")

# The whole way: outbox, sender, HTTP, a receiver with the released library that fails every third first call.
key = secret()
seen = collections.defaultdict(list)


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        identity = self.headers["webhook-id"]
        try:
            Webhook(key).verify(body, dict(self.headers))
            seen[identity].append(body)
        except WebhookVerificationError as error:
            check(False, f"{identity}: {error}")
        first = len(seen[identity]) == 1
        self.send_response(500 if first and int(identity[1:]) % 3 == 0 else 204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
bodies = {f"h{i}": json.dumps({"type": "message_sent", "to": "王小明", "i": i}, ensure_ascii=False) for i in range(100)}
(work / "hooks.tsv").write_text("key\tcustomer\tbody\n" + "".join(f"{k}\t{n + 1}\t{b}\n" for n, (k, b) in enumerate(bodies.items())), encoding="utf-8")
subprocess.run([drive, "fill", "--folder", work / "shop", "--hooks", work / "hooks.tsv"], check=True, stdout=subprocess.DEVNULL)
subprocess.run([drive, "send", "--folder", work / "shop", "--hook-url", f"http://127.0.0.1:{server.server_port}/hook", "--secret", key], check=True, timeout=60)
server.shutdown()
for number, (identity, body) in enumerate(bodies.items()):
    check(seen[identity] == [body] * (2 if number % 3 == 0 else 1), f"{identity}: {seen[identity]}")
print(checks, faults)
