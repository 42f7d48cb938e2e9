"""A mail server that kills its client: prints "MAILS KILLS RECEIVED TWICE LOST UNKNOWN"."""
import asyncio, collections, email, os, pathlib, random, signal, subprocess, sys, time

from aiosmtpd.smtp import SMTP

from smtp_loop import Loop

drive, work, count = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
chance = random.Random(20261122)
received = collections.Counter()
plan = {"pid": None, "left": 0, "side": None, "armed": False}


def strike():
    os.kill(plan["pid"], signal.SIGKILL)
    plan["side"] = None


class Server(SMTP):
    async def push(self, status):
        await super().push(status)
        if plan["armed"]:  # the answer to the message is on its way
            plan["armed"] = False
            await asyncio.sleep(chance.choice([0, 0, .0002, .0005, .001, .002]))
            strike()


class Handler:
    async def handle_DATA(self, server, session, envelope):
        key = email.message_from_bytes(envelope.original_content)["Message-ID"].strip("<>").split("@")[0]
        received[key] += 1
        plan["left"] -= 1
        if plan["side"] and plan["left"] <= 0:
            if plan["side"] == "before":
                strike()
            else:
                plan["armed"] = True
        return "250 taken"


templates = work / "templates"
templates.mkdir()
(templates / "subject.txt").write_text("Hello {{ name }}")
(templates / "body.txt").write_text("Hello {{ name }}\n{{ unsubscribe_url }}\n")
(templates / "body.html").write_text("<p>Hello {{ name }}</p><a href=\"{{ unsubscribe_url }}\">leave</a>")
keys = [f"m{i}" for i in range(count)]
(work / "rows.tsv").write_text("key\tcustomer\taddress\tname\n" + "".join(f"{k}\t{i + 1}\t{k}@mail.example\tAnn\n" for i, k in enumerate(keys)))
folder = work / "shop"
subprocess.run([drive, "fill", "--folder", folder, "--rows", work / "rows.tsv"], check=True, stdout=subprocess.DEVNULL)
inbox = Loop(lambda loop: Server(Handler(), hostname="localhost", loop=loop))
port = inbox.port
command = [drive, "send", "--folder", folder, "--templates", templates, "--port", str(port)]
kills = 0
sides = ["before", "after"] * 10
chance.shuffle(sides)
for side in sides:
    plan.update(left=chance.randint(1, 15), side=None, armed=False)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    plan.update(pid=process.pid, side=side)
    process.wait(timeout=60)
    kills += process.returncode == -signal.SIGKILL
plan.update(side=None, left=0)
print(subprocess.run(command, check=True, timeout=120, capture_output=True, text=True).stdout.strip())
inbox.stop()
states = collections.defaultdict(set)
for line in subprocess.run([drive, "states", "--folder", folder], check=True, capture_output=True, text=True).stdout.splitlines():
    state, key = line.split(" ")[:2]
    states[state].add(key)
print({state: len(found) for state, found in states.items()}, "unknown but received:", sum(received[k] for k in states["unknown"]))
twice = sum(1 for k in keys if received[k] > 1)
lost = sum(1 for k in keys if received[k] == 0 and k not in states["unknown"]) + sum(1 for k in states["sent"] if received[k] != 1)
print(count, kills, sum(1 for k in keys if received[k]), twice, lost, len(states["unknown"]))
