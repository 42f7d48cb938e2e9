#!/usr/bin/env bash
# Each check of the lint finds what it is there for, and says nothing of a tree that is in order.
. "$(dirname "$0")/lib.sh"

tree() {
  tree="$scratch/tree.$cases"; mkdir -p "$tree/docs/adr" "$tree/src/base/include/attune/base" "$tree/src/base/tests" "$tree/claims/area"
  cp -r "$root/tools" "$root/cmake" "$tree/"; : >"$tree/tools/lint/size_exceptions"
  cat >"$tree/src/base/CMakeLists.txt" <<<'attune_add_module(NAME base LAYER 0 SOURCES one.cc TESTS tests/one_test.cc)'
  echo "# base" >"$tree/src/base/README.md"
  printf '// One [Key2020].\n#include "attune/base/one.h"\n' >"$tree/src/base/one.cc"
  echo '#pragma once' >"$tree/src/base/include/attune/base/one.h"
  echo 'int x;' >"$tree/src/base/tests/one_test.cc"
  printf -- '- [Key2020] Key. Title. 2020.\n' >"$tree/REFERENCES.md"
  printf '#!/usr/bin/env bash\n# Two and two make four, as they say.\n# seconds: 1\n# ci: yes\nverdict 4 "4" 1\n' >"$tree/claims/area/sum"
  chmod +x "$tree/claims/area/sum"
  echo "# readme" | tee "$tree/README.md" >"$tree/README.zh.md"
  printf '<!-- modules: written by tools/module-table -->\n<!-- /modules -->\n' >"$tree/ARCHITECTURE.md"
  : >"$tree/docs/adr/0001-first.md"
  "$tree/tools/module-table" 2>/dev/null
  "$tree/tools/claim" --table
  git -C "$tree" init -q; git -C "$tree" add -A
}
check() { run_it bash -c 'cd "$1" && "tools/lint/checks/$2"' lint "$tree" "$1"; }

test_case "a tree in order passes every check that needs no compiler"
tree
for name in sizes sources includes types libraries references documents claims traces; do check $name; expect_status 0; expect_equal "$output" ""; done

test_case "sizes: a long line, function, header and source, each unless it is excepted with a reason"
tree
{ echo 'void grow() {'; yes '  step();' | head -n 70; echo '}'; yes 'int a;' | head -n 500; } >"$tree/src/base/one.cc"
{ echo "// $(printf 'x%.0s' {1..120})"; yes 'int b;' | head -n 300; } >"$tree/src/base/include/attune/base/one.h"
check sizes
expect_failure
expect_says "src/base/one.cc:1: grow has 72 lines, the limit is 60"
expect_says "src/base/one.cc:1: file has 572 lines, the limit is 500"
expect_says "src/base/include/attune/base/one.h:1: file has 301 lines, the limit is 300"
expect_says "one.h:1: line has 123 columns, the limit is 100"
echo 'src/base/one.cc:grow one table of states, read from top to bottom' >"$tree/tools/lint/size_exceptions"
check sizes; expect_silent_about "grow has"
echo 'src/base/one.cc:other' >>"$tree/tools/lint/size_exceptions"
check sizes; expect_says "src/base/one.cc:other is within its limit now"; expect_says "src/base/one.cc:other gives no reason"

test_case "sizes: Chinese text counts by characters, a method by its own lines, a class not as a function"
tree
{ printf '// '; printf '好%.0s' {1..90}; echo; echo 'class Wide {'; echo '  void inner() {'; yes '    step();' | head -n 61; echo '  }'; yes '  int a;' | head -n 90; echo '};'; } >"$tree/src/base/one.cc"
check sizes
expect_says "src/base/one.cc:3: inner has 63 lines"; expect_silent_about "Wide has"; expect_silent_about "columns"

test_case "sources: one that no list names, and a module without a README"
tree; echo 'int y;' >"$tree/src/base/two.cc"; echo 'int z;' >"$tree/src/base/tests/two_test.cc"; rm "$tree/src/base/README.md"
check sources
expect_failure; expect_says "src/base/two.cc:1: this source is not listed"; expect_says "src/base/tests/two_test.cc:1: this test is not listed"
expect_says "a module needs a README.md"; expect_silent_about "base/one.cc"

test_case "includes: of a module that is not in DEPS"
tree; echo '#include "attune/store/store.h"' >>"$tree/src/base/one.cc"
check includes; expect_failure; expect_says "src/base/one.cc includes module 'store'"

test_case "types: two of one name in a module, unless they are of one source alone"
tree
printf 'namespace attune::base {\nstruct Options {\n};\n}\n' | tee "$tree/src/base/include/attune/base/one.h" >"$tree/src/base/two.h"
printf 'namespace {\nstruct Options {\n};\n}  // namespace\n' >"$tree/src/base/one.cc"
check types; expect_failure
expect_says "src/base/two.h:2: base::Options is defined at src/base/include/attune/base/one.h:2 too"; expect_silent_about "one.cc"

test_case "libraries: another module's library, and a heavy header in a public one"
tree; echo '#include <duckdb.h>' >>"$tree/src/base/one.cc"; echo '#include <boost/json.hpp>' >>"$tree/src/base/include/attune/base/one.h"
check libraries
expect_failure; expect_says "src/base/one.cc:3: <duckdb.h> belongs to store"; expect_says "one.h:2: <boost/json.hpp> has no place in a public header"

test_case "references: a key that is unknown, twice or out of order"
tree; echo '// See [Unknown1999].' >>"$tree/src/base/one.cc"; printf -- '- [Abe2019] Abe.\n' >>"$tree/REFERENCES.md"
check references
expect_failure; expect_says "src/base/one.cc:3: [Unknown1999] is not in REFERENCES.md"; expect_says "out of order"

test_case "documents: stale tables, dead links, long READMEs, unknown claims, gaps in numbering"
tree
printf '<!-- modules: written by tools/module-table -->\nold\n<!-- /modules -->\n' >"$tree/ARCHITECTURE.md"
{ echo '[gone](docs/gone.md) ./run claim area/none'; yes '' | head -n 160; } >"$tree/README.md"
echo stale >>"$tree/docs/claims.md"; : >"$tree/docs/adr/0003-third.md"
check documents
expect_failure; expect_says "module table is stale"; expect_says "docs/claims.md: stale"; expect_says "README.md: 161 lines"
expect_says "the link 'docs/gone.md' leads nowhere"; expect_says "names the claim area/none"; expect_says "this should be 0002"

test_case "claims: each tag is asked for, and CI has no time for long ones"
tree; printf '#!/usr/bin/env bash\n# short\n' >"$tree/claims/area/bare"
sed -i 's/seconds: 1/seconds: 900/' "$tree/claims/area/sum"
check claims
expect_failure; expect_says "claims/area/bare: not executable"; expect_says "claims/area/bare: lacks a line '# seconds: N'"
expect_says "claims/area/bare: prints no bar"; expect_says "claims/area/sum: takes too long for CI"

test_case "traces: a machine's folder, a registry's host, work put off"
tree; echo "see /ho""me/someone/x" >>"$tree/README.md"; echo "from https:""//registry.example.org/x" >>"$tree/README.md"
echo "// TO""DO: finish" >>"$tree/src/base/one.cc"
check traces
expect_failure; expect_says "README.md:2:"; expect_says "README.md:3:"; expect_says "src/base/one.cc:3:"
test_case "traces: the marks of a merge"
tree; printf '<<<<<%s HEAD\n' '<<' >>"$tree/README.zh.md"
check traces; expect_failure; expect_says "README.zh.md:2:"

if command -v clang-format-19 >/dev/null; then
  test_case "format: a source that clang-format would change"
  tree; cp "$root/.clang-format" "$tree/"; echo 'int  y  =  1 ;' >>"$tree/src/base/one.cc"
  check format; expect_failure; expect_says "src/base/one.cc:3:4: not formatted"
fi
if command -v clang-tidy-19 >/dev/null && command -v ninja >/dev/null; then
  test_case "tidy: what the allow-list is for, and the answer is kept until a header changes"
  tree; cp "$root/.clang-tidy" "$tree/"; mkdir -p "$tree/build/lint/commands"; echo "build build.ninja: phony" >"$tree/build/lint/commands/build.ninja"
  echo 'inline int Shout() { return 1; }' >>"$tree/src/base/include/attune/base/one.h"
  jq -n --arg d "$tree" '[{directory: $d, file: ($d + "/src/base/one.cc"), command: ("c++ -std=c++23 -I" + $d + "/src/base/include -c " + $d + "/src/base/one.cc")}]' >"$tree/build/lint/commands/compile_commands.json"
  check tidy; expect_failure; expect_says "invalid case style for function 'Shout'"; expect_says "1 of 1 sources read anew"
  check tidy; expect_failure; expect_says "invalid case style for function 'Shout'"; expect_says "0 of 1 sources read anew"
  sed -i s/Shout/whisper/ "$tree/src/base/include/attune/base/one.h"
  check tidy; expect_status 0; expect_says "1 of 1 sources read anew"
fi
finish
