#!/usr/bin/env python3
"""Plays people who write to a bot on the emulated Slack: each writes, waits for the reply, and writes again.

    python3 people.py EMULATOR_URL SECONDS [PEOPLE]

Every two seconds it tells what came of it. Exit code 1 when a webhook was not acknowledged or a message not answered.
"""
import collections
import json
import sys
import time
import urllib.request

emulator, seconds, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 20
patience = 60  # seconds in which the last replies must come
thought = 5    # seconds between a reply and the next message: together they stay below Slack's 300 messages a minute


def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(emulator + path, data, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request, timeout=90))


people = {f"person-{number}": None for number in range(count)}  # the conversation of each, once it is known
written = {}      # conversation: when the message was written that waits for its reply
ready = {name: time.monotonic() + number * thought / count for number, name in enumerate(people)}
names = {}        # conversation: person
messages = replies = 0
slowest = 0.0
webhooks = collections.Counter()
last_entry = call("/emulator/transcript?after=0")["last"]
last_exchange = call("/emulator/requests?after=0")["last"]
start = told = time.monotonic()

while (now := time.monotonic()) < start + seconds or (written and now < start + seconds + patience):
    for name in [name for name, at in ready.items() if at <= now and now < start + seconds]:
        del ready[name]
        message = call("/emulator/messages", {"channel": "slack", "user": name, "text": "What are your opening hours?"})
        names[message["conversation"]] = name
        written[message["conversation"]] = time.monotonic()
        messages += 1
    page = call(f"/emulator/transcript?after={last_entry}&wait_ms=100")
    last_entry = page["last"]
    for entry in page["entries"]:
        if entry["direction"] == "out" and entry["conversation"] in written:
            slowest = max(slowest, time.monotonic() - written.pop(entry["conversation"]))
            ready[names[entry["conversation"]]] = time.monotonic() + thought
            replies += 1
    page = call(f"/emulator/requests?after={last_exchange}")
    last_exchange = page["last"]
    for exchange in page["entries"]:
        if exchange["kind"] == "webhook" and exchange["method"] == "message":
            webhooks["acknowledged" if exchange["status"] == 200 else "refused"] += 1
    if now - told >= 2 or (now >= start + seconds and not written):
        print(f"  {now - start:5.1f} s   {messages:4} messages   {webhooks['acknowledged']:4} acknowledged   "
              f"{webhooks['refused']} not   {replies:4} replies   slowest {slowest:.1f} s", flush=True)
        told, slowest = now, 0.0

print(f"{messages} messages, {replies} replies, {webhooks['refused']} webhooks without a 200")
sys.exit(0 if replies == messages and not webhooks["refused"] else 1)
