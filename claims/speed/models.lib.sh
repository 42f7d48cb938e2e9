# What the claims about models' speed share; sourced by them after lib.sh.
: "${root:?sourced after lib.sh}" "${work:?}"
peer=${peer:-}
speed() { "$root/build/bench/src/recommend/attune_recommend_speed" "$@"; }
clusters() { "$root/build/bench/src/learn/attune_learn_kmeans" "$@"; }
peers() { OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=2 "$peer" "$root/claims/speed/peers.py" "$@"; }

ready_models() {
  peer_python implicit==0.7.3 sparse_dot_topn==1.2.0 scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6 threadpoolctl==3.8.0
  "$root/run" bench --build >/dev/null
}

# same_data SET: lays the interactions down in $work/data.
same_data() { mkdir -p "$work/data"; peers make "$1" "$work/data"; }

# iterations FACTORS ROUNDS STEPS "OURS…" "THEIRS…": ROUNDS times in turn a fit of STEPS iterations of each; sets wall_a cpu_a (ours)
# wall_b cpu_b (the peer's) to the medians of the seconds of one iteration. The first iteration of a fit and our last two, which
# also work the objective out, count like the others.
iterations() {
  local factors=$1 rounds=$2 steps=$3 ours=$4 theirs=$5 round
  : >"$work/a"; : >"$work/b"
  for ((round = 1; round <= rounds; ++round)); do
    # shellcheck disable=SC2086  # lists of words
    speed "$work/data/train.bin" ials --threads 2 factors="$factors" iterations="$steps" $ours | jq -c ".steps[:$steps][]" >>"$work/a"
    # shellcheck disable=SC2086
    peers ials "$work/data" none factors="$factors" iterations="$steps" $theirs | jq -c '.steps[]' >>"$work/b"
  done
  wall_a=$(jq .wall "$work/a" | median) cpu_a=$(jq .cpu "$work/a" | median)
  wall_b=$(jq .wall "$work/b" | median) cpu_b=$(jq .cpu "$work/b" | median)
}

# quality FACTORS STEPS "OURS…" "THEIRS…": NDCG@10 of a whole fit of each over held-out pairs, ndcg_a and ndcg_b, and the 95 % interval
# of their difference, paired over customers: above_low above_high.
quality() {
  local factors=$1 steps=$2 ours=$3 theirs=$4
  # shellcheck disable=SC2086
  speed "$work/data/train.bin" ials --threads 2 --first 10000 --lists "$work/lists.a" factors="$factors" iterations="$steps" $ours >"$work/fit.a"
  # shellcheck disable=SC2086
  peers ials "$work/data" "$work/lists.b" factors="$factors" iterations="$steps" $theirs >"$work/fit.b"
  read -r ndcg_a ndcg_b above_low above_high < <(peers ndcg "$work/data" "$work/lists.a" "$work/lists.b")
}

# compare_ials SET ROUNDS STEPS "FACTORS…" "OURS…" "THEIRS…": a line for each number of factors; sets figures, and met to 0 where one
# of them is below the bar.
compare_ials() {
  local name=$1 rounds=$2 steps=$3 sizes=$4 ours=$5 theirs=$6 factors wall cpu bar
  met=1 figures=""
  ready_models
  same_data "$name"
  for factors in $sizes; do
    iterations "$factors" "$rounds" "$steps" "$ours" "$theirs"
    quality "$factors" 15 "$ours" "$theirs"
    wall=$(ratio "$wall_b" "$wall_a") cpu=$(ratio "$cpu_b" "$cpu_a") bar=3
    [ "$factors" -ge 128 ] || bar=2
    curve "An iteration of iALS, ${name%%:*}" "$(released implicit), conjugate gradient" factors "wall seconds" "$factors" "$wall_a" "$wall_b"
    echo "$factors factors: $wall_a s ($cpu_a CPU s) an iteration and NDCG@10 $ndcg_a; implicit $wall_b s ($cpu_b CPU s) and $ndcg_b; ours above by $above_low to $above_high"
    figures="$figures, $wall times ($cpu in CPU seconds) at $factors"
    # shellcheck disable=SC2034  # read by the claim
    awk "BEGIN {exit !($wall >= $bar && ($ndcg_a >= $ndcg_b || $above_high >= 0))}" || met=0
  done
  # shellcheck disable=SC2034  # read by the claim
  figures="an iteration:${figures#,} factors"
}
