#!/usr/bin/env python3
"""Plays Slack towards a running `parley demo`: signs a message of Ann's, and posts it twice.

    python3 sign.py parley-data/demo/demo.json "Do you have iPhone 15 in stock?"
"""
import hashlib
import hmac
import json
import sys
import time
import urllib.request

demo = json.load(open(sys.argv[1]))
slack = next(i for i in demo["integrations"] if i["channel"] == "slack")


def ask_slack(method, **arguments):  # The emulated one; for its workspace, and for a conversation with the bot.
    headers = {"Authorization": "Bearer " + slack["credentials"]["bot_token"], "Content-Type": "application/json"}
    call = urllib.request.Request(f"{demo['api_urls']['slack']}/{method}", json.dumps(arguments).encode(), headers)
    return json.load(urllib.request.urlopen(call))


team, room = ask_slack("auth.test")["team_id"], ask_slack("conversations.open", users="U0ANN")["channel"]["id"]
now = f"{time.time():.6f}"
body = json.dumps({
    "type": "event_callback", "team_id": team, "event_id": "Ev" + now.replace(".", ""), "event_time": int(time.time()),
    "event": {"type": "message", "channel_type": "im", "channel": room, "user": "U0ANN", "text": sys.argv[2], "ts": now},
}).encode()

# Slack signs the version, the time and the raw body, under the app's signing secret.
timestamp = now.split(".")[0]
secret = slack["credentials"]["signing_secret"].encode()
signature = "v0=" + hmac.new(secret, b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()
headers = {"Content-Type": "application/json", "X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}

for attempt in ("first", "again"):
    print(attempt, urllib.request.urlopen(urllib.request.Request(slack["webhook_url"], body, headers)).status)
print(f"It is kept, once. What became of it: parley why {now}")
