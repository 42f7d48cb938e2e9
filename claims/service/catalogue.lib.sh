# What the claims about lists share; sourced by them after lib.sh.
: "${root:?sourced after lib.sh}" "${work:?}"
address=${address:-} key=${key:-}

# state_items N: states N items with prices of 1.50 to 90.50, of which 79 of 90 cost less than 80.
state_items() {
  local first
  for ((first = 0; first < $1; first += 1000)); do
    jq -nc --argjson first $first --argjson until $((first + 1000 < $1 ? first + 1000 : $1)) \
      '{items: [range($first; $until) | {id: "p\(.)", name: "Item \(.)", price: (. % 90 + 1.5), currency: "EUR"}]}' |
      curl -sf -u "$key:" -X POST --data-binary @- "$address/v1/items" >/dev/null
  done
}

# train_ials: iALS with 64 factors from what is applied; waits for it and tells how it ended.
train_ials() {
  curl -s -u "$key:" -d '{"names":["ials"],"set":["ials.factors=64"]}' "$address/v1/jobs" >/dev/null
  until [ "$(curl -s -u "$key:" "$address/v1/jobs" | jq -r '.jobs[0].state')" != running ]; do sleep .2; done
  curl -s -u "$key:" "$address/v1/jobs" | jq -r '.jobs[0] | "\(.state): \(.message)"'
}

# serve_catalogue ITEMS SECONDS: a service with ITEMS items of which 20,000 customers looked at some for SECONDS, and iALS learned from it.
serve_catalogue() {
  serve "shop$1" --train-every 0
  state_items "$1"
  load --mode batch --connections 8 --seconds "$2" --items "$1" --customers 20000 --run "$1" >/dev/null
  applied >/dev/null
  train_ials
}

# ask_lists ITEMS SECONDS [OPTION…]: 20 items for a customer by a rule, seen ones left out, asked for SECONDS.
ask_lists() {
  local items=$1 seconds=$2; shift 2
  load --mode recommend --items "$items" --customers 20000 --where 'price_cents < 8000' --seconds "$seconds" "$@"
}
