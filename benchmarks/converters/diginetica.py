#!/usr/bin/env python3
"""diginetica-sessions: train_sessions.txt, the items clicked in one session, in order. A session is its own customer."""
from common import Writer, either, lines, made_up_time, run


def convert(folder):
    out = Writer("session")
    for number, line in enumerate(lines(either(folder, "train_sessions.txt.gz", "train_sessions.txt")), start=1):
        for place, item in enumerate(line.split()):
            out.row(customer=f"session-{number}", item=item, type="view", time=made_up_time(place), session=number)


run(convert)
