# What the claims about the soak share; sourced by them after lib.sh, with $seconds and $train_every set. Runs the soak and sets $half (events
# a second), $errors, $high (MB, the most of the second half) and $growth (% over it).
: "${root:?sourced after lib.sh}" "${work:?}" "${seconds:?}" "${train_every:?}"
address=${address:-} server=${server:-} key=${key:-}
needs_program curl jq python3
# The history's pages are the one part of memory that grows with the history, up to what attune.toml allows.
serve shop
served
sed -i "s/^#* *memory_limit_mb.*/memory_limit_mb = ${HISTORY_MB:-256}/" "$work/shop/attune.toml"
grep -q "^memory_limit_mb = ${HISTORY_MB:-256}$" "$work/shop/attune.toml" || equal "${HISTORY_MB:-256}" "no such line" "memory_limit_mb"
serve shop --train-every "$train_every"
# What it takes and applies, found out first: half of it is the load.
load --mode track --connections 32 --seconds 5 --customers 2000 --items 500 --run 1 >"$work/full"
applied >/dev/null
half=$(jq '[.events_per_second / 2, 5000] | min | floor' "$work/full")
curl -sf -u "$key:" "$address/v1/jobs" -d '{"names": ["ials"]}' >/dev/null
until [ "$(curl -s -u "$key:" "$address/v1/jobs" | jq -r '.jobs[0].state')" != running ]; do sleep .2; done
load --mode track --rate "$half" --connections 32 --seconds "$seconds" --customers 2000 --items 500 --run 2 >"$work/events" &
events=$!
# In the end everybody has seen everything, and lists are short.
load --mode recommend --any-length --rate 200 --connections 8 --seconds "$seconds" --customers 2000 >"$work/lists" &
lists=$!
begun=$(date +%s)
while kill -0 "$events" 2>/dev/null; do
  echo "$(($(date +%s) - begun)) $(awk '/VmRSS/ {print $2}' "/proc/$server/status")" | tee -a "$work/memory"
  sleep 2
done
wait "$events" || true  # errors are counted below
wait "$lists" || true  # so are these
behind=$(health | jq '.journal - .applied')
curl -s -u "$key:" "$address/v1/jobs" >"$work/jobs"
served
jq -r '"\(.mode): \(.requests_per_second) a second, p50 \(.p50_ms) ms, p99 \(.p99_ms) ms, errors \(.errors), asked to wait \(.busy)"' "$work/events" "$work/lists"
# Growth over the second half: the line through the medians of its minutes (Theil-Sen), so that a training's moment does not tilt it.
# shellcheck disable=SC2034  # read by the claims
read -r first low middle high growth <<<"$(python3 - "$work/memory" "$seconds" <<'PY'
import itertools, statistics, sys
points = [tuple(map(float, line.split())) for line in open(sys.argv[1])]
late = [p for p in points if p[0] >= float(sys.argv[2]) / 2]
width = max(10, min(60, float(sys.argv[2]) / 24))
minutes = {}
for at, kib in late: minutes.setdefault(at // width, []).append(kib / 1024)
line = sorted((m, statistics.median(v)) for m, v in minutes.items())
slope = statistics.median((b[1] - a[1]) / (b[0] - a[0]) for a, b in itertools.combinations(line, 2))
all_late = [kib / 1024 for _, kib in late]
middle = statistics.median(all_late)
print(round(points[0][1] / 1024), round(min(all_late)), round(middle), round(max(all_late)), round(slope * len(line) / middle * 100, 1))
PY
)"
# shellcheck disable=SC2034  # read by the claims
errors=$(jq -s 'map(.errors) | add' "$work/events" "$work/lists")
trained=$(jq -r '[.jobs[].state] | group_by(.) | map("\(length) \(.[0])") | join(", ")' "$work/jobs")
echo "resident memory: $first MB at first; of the second half $low to $high MB, median $middle; trainings: $trained; $behind events unapplied at the end"
equal 0 "$(jq '[.jobs[] | select(.state == "failed")] | length' "$work/jobs")" "failed trainings"
