# The data and the protocol that the MovieLens-100K claims share: random 80/20 per customer, 5 seeds, full ranking, seen items out.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
needs_data movielens-100k
attune --data "$work/ml" import "$data/movielens-100k/u.data.gz" --preset movielens --yes --json >/dev/null
# evaluate RECOMMENDER [--set …]: leaves the leaderboard in $work/board.json
evaluate() { attune --data "$work/ml" evaluate "$@" --split random --seeds 5 -k 10 --json -q >"$work/board.json"; }
mean() { jq -r ".leaderboard[0][\"$1\"].mean" "$work/board.json" | awk '{printf "%.4f", $1}'; }
