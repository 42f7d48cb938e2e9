#!/usr/bin/env bash
# The page of benchmarks: medians over rounds, the base beside the head, curves of claims, and input that is none.
# usage: bench_page_test.sh PROGRAM
. "$(dirname "$0")/lib.sh"

program=$1 folder=$scratch/out
# begin: an empty folder.
begin() { rm -rf "$folder"; mkdir -p "$folder/head" "$folder/base" "$folder/curves"; }
# round SIDE ROUND A B C: of scan/100, scan/10000 and parse, in microseconds.
round() {
  jq -n --argjson a "$3" --argjson b "$4" --argjson c "$5" '{context: {date: "2026-11-29T10:00:00+00:00", num_cpus: 2}, benchmarks: [
    {name: "scan/100", cpu_time: $a, time_unit: "us"}, {name: "scan/10000", cpu_time: $b, time_unit: "us"},
    {name: "parse<int>", cpu_time: $c, time_unit: "us"}, {name: "parse_mean", run_type: "aggregate", cpu_time: 7, time_unit: "us"}]}' \
    >"$folder/$1/attune_some_bench.$2.json"
}
three_rounds() { round head 1 1 100 5; round head 2 3 300 4; round head 3 2 200 6; }
# points: those of two peers at sizes that are out of order.
points() {
  local rest='"title":"Import","size_name":"rows","unit":"wall seconds","better":"lower","claim":"import/some","machine":"2 cores (Some)","date":"2026-11-28","commit":"abc"'
  printf '%s\n' "{\"peer\":\"COPY 1.4\",\"size\":1000,\"ours\":4,\"theirs\":2,$rest}" \
    "{\"peer\":\"COPY 1.4\",\"size\":10,\"ours\":1,\"theirs\":1,$rest}" "{\"peer\":\"pandas 3\",\"size\":1000,\"ours\":4,\"theirs\":40,$rest}" \
    >"$folder/curves/import-some.jsonl"
}
page_says() { grep -qF -e "$1" "$folder/bench.html" || complain "the page does not say '$1'"; }
page_silent_about() { ! grep -qF -e "$1" "$folder/bench.html" || complain "the page says '$1'"; }

test_case "without a base there are medians and nothing to compare with"
begin; three_rounds
run_it "$program" "$folder" 0123456789
expect_status 0; expect_equal "$output" ""
expect_equal "$(jq -c '[.head, .base, .date, .cores]' "$folder/bench.json")" '["0123456789",null,"2026-11-29",2]'
expect_equal "$(jq -c '[.benchmarks[] | [.name, (.cpu_seconds * 1e6 | round), (.rounds | length)]]' "$folder/bench.json")" \
  '[["scan/100",2,3],["scan/10000",200,3],["parse<int>",5,3]]'
page_says "Attune at 0123456789, 2 cores, 2026-11-29"; page_says "parse&lt;int&gt;"; page_says ">200 µs<"
page_silent_about "head / base"

test_case "what differs beyond its rounds is slower or faster; what does not is the same"
begin; three_rounds
round base 1 1 90 5; round base 2 2 95 5; round base 3 3 99 7
run_it "$program" "$folder" 0123456789 "main (abc123)"
expect_status 0; expect_equal "$output" "slower: attune_some_bench scan/10000, 2.11 times the base's CPU time"
expect_equal "$(jq -c '[.benchmarks[].change]' "$folder/bench.json")" '["same","slower","same"]'
page_says "Compared with main (abc123)"; page_says '<td class="n warning">2.11</td>'
round head 1 1 10 5; round head 2 1 11 5; round head 3 1 12 5
run_it "$program" "$folder" 0123456789 "main (abc123)"
expect_equal "$output" "faster: attune_some_bench scan/10000, 0.12 times the base's CPU time"

test_case "what only one side has is new or gone"
begin; round head 1 1 2 3
sed 's/scan/old_scan/' "$folder/head/attune_some_bench.1.json" >"$folder/base/attune_some_bench.1.json"
run_it "$program" "$folder" head base
expect_status 0
expect_equal "$(jq -c '[.benchmarks[] | [.name, .change]] | sort' "$folder/bench.json")" \
  '[["old_scan/100","gone"],["old_scan/10000","gone"],["parse<int>","same"],["scan/100","new"],["scan/10000","new"]]'

test_case "a benchmark that gave up is told with what it said"
begin
echo '{"benchmarks":[{"name":"broken","error_occurred":true,"error_message":"another <list>","cpu_time":1,"time_unit":"us"}]}' \
  >"$folder/head/attune_some_bench.1.json"
run_it "$program" "$folder" head
expect_status 0; page_says "attune_some_bench broken: another &lt;list&gt;"
expect_equal "$(jq -c '[.benchmarks, .failed[0].name]' "$folder/bench.json")" '[[],"broken"]'

test_case "points that claims left become a picture with a line of each, in order of size"
begin; points
run_it "$program" "$folder" head
expect_status 0
expect_equal "$(jq -c '[.curves[0].lines[] | [.name, [.points[].size]]]' "$folder/bench.json")" \
  '[["Attune",[10,1000]],["COPY 1.4",[10,1000]],["pandas 3",[1000]]]'
page_says "Beside COPY 1.4 (ratio 0.50 at 1,000) and pandas 3 (ratio 10.00 at 1,000), in wall seconds: lower is better. Sizes: 10 · 1,000 rows."
page_says "Measured on 2 cores (Some), 2026-11-28, at abc by <code>./run claim import/some</code>."

test_case "where higher is better the ratio is turned round"
sed -i 's/"lower"/"higher"/' "$folder/curves/import-some.jsonl"
run_it "$program" "$folder" head
expect_status 0; page_says "COPY 1.4 (ratio 2.00 at 1,000)"; page_says "higher is better"

test_case "a broken file of curves is told with its name, its line and what to do"
# refused CHANGE WORDS: the second of three points, changed by sed.
refused() {
  begin; points; sed -i "2$1" "$folder/curves/import-some.jsonl"
  run_it "$program" "$folder" head
  expect_status 9; expect_says "line 2 of $folder/curves/import-some.jsonl $2; run its claim again"
  expect_no_file "$folder/bench.html"
}
refused 's/.*/{"title":/' "is no JSON object"
refused 's/.*/[1]/' "is no JSON object"
refused 's/"title":"Import",//' "has no 'title'"
refused 's/"peer":"COPY 1.4"/"peer":7/' "has no 'peer'"
refused 's/"machine":"2 cores (Some)",//' "has no 'machine'"
refused 's/"better":"lower"/"better":"more"/' "says in 'better' neither lower nor higher"
refused 's/"size":10/"size":0/' "has no 'size' above 0"
refused 's/"ours":1/"ours":"1"/' "has no number from 0 in 'ours'"
refused 's/"theirs":1/"theirs":-1/' "has no number from 0 in 'theirs'"
refused 's/"unit":"wall seconds"/"unit":"CPU seconds"/' "measures 'Import' otherwise than a line before"
refused 's/"peer":"COPY 1.4"/"peer":"Attune"/' "calls the peer Attune"

test_case "a file that is no output of a benchmark, or half of one, is told with its name"
for content in '' 'not JSON' '[1]' '{"benchmarks": 1}' '{"benchmarks": [1]}' '{"benchmarks": [{"name": "a"}]}' \
  '{"benchmarks": [{"name": "a", "cpu_time": 1, "time_unit": "years"}]}' '{"benchmarks": [{"name": "a", "cpu_time'; do
  begin; round head 1 1 2 3; printf '%s' "$content" >"$folder/head/attune_some_bench.2.json"
  run_it "$program" "$folder" head
  expect_status 9; expect_says "attune_some_bench.2.json"; expect_no_file "$folder/bench.html"
done

test_case "no folder, and a folder without anything, are told"
run_it "$program" "$scratch/none" head
expect_failure; expect_says "there is no folder $scratch/none"
begin; run_it "$program" "$folder" head
expect_failure; expect_says "holds nothing that was measured"; expect_no_file "$folder/bench.html"
run_it "$program" "$folder"
expect_status 2; expect_says "usage: attune_bench_page"
finish
