#!/usr/bin/env bash
# Tries this set-up on one machine: PostgreSQL, Redis, the emulated platforms, two nodes and the proxy, all on free ports
# of 127.0.0.1 and in a temporary folder. People write to a bot; one node is killed and comes back, the other is restarted,
# and Redis goes away for a while.
#   examples/two-nodes/try.sh [haproxy|nginx]
# PARLEY names the binary; otherwise it is what `make release` or `make build` made.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
proxy=${1:-haproxy}
parley=${PARLEY:-$(ls "$root"/.build/release/parley "$root"/.build/debug/parley 2>/dev/null | head -1)}
for program in "${parley:-parley}" "$proxy" redis-server python3 curl openssl; do
    if ! command -v "$program" >/dev/null; then
        echo "$program is not here (make build; apt-get install postgresql redis-server $proxy)" >&2
        exit 1
    fi
done

# Not TMPDIR: the user `postgres` must reach it, and a socket's path may have 107 characters.
folder=$(mktemp -d /tmp/parley-two-nodes.XXXXXX)
chmod 755 "$folder"
started=()
finish() {
    trap - EXIT INT TERM
    for process in "${started[@]}"; do kill "$process" 2>/dev/null || true; done
    for process in "${started[@]}"; do wait "$process" 2>/dev/null || true; done
    "$root/scripts/postgres" stop "$folder/postgres" || true
    rm -rf "$folder"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { echo "$(date +%T) $*"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }
begin() { # NAME COMMAND…
    "${@:2}" >>"$folder/$1.log" 2>&1 &
    started+=("$!")
}
await() { # URL NAME
    for _ in $(seq 200); do
        if curl -fs -o /dev/null "$1"; then return; fi
        sleep 0.1
    done
    echo "$2 does not start:" >&2
    tail "$folder/$2.log" >&2
    exit 1
}

say "PostgreSQL, Redis, and the emulated platforms"
"$root/scripts/postgres" start "$folder/postgres"
emulator_port=$(free_port) proxy_port=$(free_port) port_a=$(free_port) port_b=$(free_port) redis_port=$(free_port)
start_redis() {
    begin redis redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --appendonly no \
        --maxmemory-policy noeviction --dir "$folder"
    redis=${started[-1]}
}
start_redis
emulator=http://127.0.0.1:$emulator_port
begin emulator "$parley" emulate --port "$emulator_port"

# What secrets.env and parley.yaml hold on real nodes.
export PARLEY_DATABASE_URL="$(cat "$folder/postgres/url")?pool=20"
PARLEY_MASTER_KEY=$(openssl rand -base64 32)
export PARLEY_MASTER_KEY
export PARLEY_REDIS_URL=redis://127.0.0.1:$redis_port PARLEY_NODES=2
export PARLEY_PUBLIC_URL=http://127.0.0.1:$proxy_port PARLEY_SLACK_API_URL=$emulator/slack/api
# Shorter than the 15 seconds by default, so that there is less to wait for here.
export PARLEY_LEASE_MS=5000 PARLEY_DRAIN_MS=1500

say "The schema, a business and its bot"
"$parley" migrate up | tail -1
business=$("$parley" business create --name "The corner shop" --json | field id)
"$parley" knowledge import "$root/examples/one-bot/faq.csv" --business "$business"
await "$emulator/emulator/bots" emulator
curl -fs -d '{"channel": "slack", "name": "Shop"}' "$emulator/emulator/bots" |
    python3 -c 'import json, sys; json.dump(json.load(sys.stdin)["credentials"], sys.stdout)' >"$folder/slack.json"
channel=$("$parley" channel connect slack --business "$business" --credentials "$folder/slack.json" --json)

declare -A node
start_node() { # a|b PORT; ready when it can commit
    begin "node-$1" env PARLEY_HTTP_PORT="$2" "$parley" serve
    node[$1]=${started[-1]}
    await "http://127.0.0.1:$2/readyz" "node-$1"
}
say "Two nodes, both at once"
start_node a "$port_a"
start_node b "$port_b"

say "$proxy in front of them"
# The addresses of this machine, and no TLS; all else is as in the file.
if [ "$proxy" = haproxy ]; then
    sed -e "s|10.0.0.11:8080|127.0.0.1:$port_a|; s|10.0.0.12:8080|127.0.0.1:$port_b|" \
        -e "s|bind :443 ssl.*|bind 127.0.0.1:$proxy_port|" "$here/haproxy.cfg" >"$folder/haproxy.cfg"
    haproxy -c -q -f "$folder/haproxy.cfg"
    begin haproxy haproxy -db -f "$folder/haproxy.cfg"
else
    sed -e "s|10.0.0.11:8080|127.0.0.1:$port_a|; s|10.0.0.12:8080|127.0.0.1:$port_b|" -e '/ssl_certificate/d' \
        -e "s|listen 443 ssl http2;|listen 127.0.0.1:$proxy_port;|" "$here/nginx.conf" >"$folder/nginx.conf"
    begin nginx nginx -p "$folder" -c "$folder/nginx.conf" -e "$folder/nginx.log" \
        -g "daemon off; pid $folder/nginx.pid;"
fi
for tries in $(seq 100); do
    # 404 is the proxy's own answer: nothing but webhooks is let through.
    [ "$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$proxy_port/readyz")" = 404 ] && break
    if [ "$tries" = 100 ]; then cat "$folder/$proxy.log" >&2; exit 1; fi
    sleep 0.1
done
curl -fs -o /dev/null -X PUT -d "{\"webhook_url\": \"$(field webhook_url <<<"$channel")\"}" "$emulator/emulator/bots/Shop"

say "Twenty people write to the bot"
python3 "$here/people.py" "$emulator" 48 20 &
people=$!
started+=("$people")
sleep 8
say "node a: kill -9 (its conversations are answered by node b when their leases end)"
disown "${node[a]}" # so that bash does not report its death
kill -9 "${node[a]}"
sleep 10
say "node a: started again"
start_node a "$port_a"
sleep 6
say "node b: SIGTERM, as in an upgrade"
kill "${node[b]}"
if wait "${node[b]}"; then say "node b: ended with 0"; else say "node b: ended with $?"; fi
say "node b: started again"
start_node b "$port_b"
sleep 3
say "Redis: stopped"
kill "$redis"
sleep 3
say "node a says on /readyz: $(curl -fs "http://127.0.0.1:$port_a/readyz" | tr '\n' ' ')"
sleep 3
say "Redis: started again, empty"
start_redis
if wait "$people"; then result=0; else result=$?; fi

say "What the nodes counted"
for port in "$port_a" "$port_b"; do
    curl -fs "http://127.0.0.1:$port/metrics" | grep -E '^parley_(turns_total|webhooks_total|possible_duplicates_total)' || true
done
if [ "$result" = 0 ]; then say "Every webhook was acknowledged, every message answered"; else say "FAILED"; fi
exit "$result"
