"""Sends the messages of sdk_messages.json through segment-analytics-python: HOST KEY PREFIX TIME."""
import datetime
import json
import pathlib
import sys

import segment.analytics as analytics

host, key, prefix, time = sys.argv[1:]
analytics.host = host
analytics.write_key = key
analytics.gzip = True
analytics.on_error = lambda error, items: sys.exit(f"segment-analytics-python: {error}")
words = {"userId": "user_id", "anonymousId": "anonymous_id", "groupId": "group_id", "previousId": "previous_id"}
for message in json.loads(pathlib.Path(__file__).with_name("sdk_messages.json").read_text()):
    fields = {words.get(name, name): value for name, value in message.items() if name not in ("call", "id", "rows")}
    for name in words.values():
        if name in fields:
            fields[name] = f"{prefix}-{fields[name]}"
    fields["message_id"] = f"{prefix}-{message['id']}"
    fields["timestamp"] = datetime.datetime.fromisoformat(time)
    getattr(analytics, message["call"])(**fields)
analytics.shutdown()
