#!/usr/bin/env bash
# A layer violation stops configuration, and so does an include that DEPS does not list; the lint sees both as well.
. "$(dirname "$0")/lib.sh"

# project: a tree of three modules that keep the rules; a case then breaks one.
project() {
  tree=$scratch/tree.$cases
  mkdir -p "$tree/cmake"
  cp "$root"/cmake/{modules,layers,check_layers,each_module}.cmake "$tree/cmake/"
  cat >"$tree/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(layers LANGUAGES CXX)
add_library(attune_options INTERFACE)
include(cmake/modules.cmake)
foreach(module IN ITEMS base math store learn recommend)
  if(EXISTS ${PROJECT_SOURCE_DIR}/src/${module})
    add_subdirectory(src/${module})
  endif()
endforeach()
CMAKE
  module base 0 ""
  module math 1 "base"
  module store 1 "base"
}
module() {
  local folder=$tree/src/$1
  mkdir -p "$folder/include/attune/$1"
  echo "attune_add_module(NAME $1 LAYER $2 DEPS $3 SOURCES $1.cc)" >"$folder/CMakeLists.txt"
  echo "#pragma once" >"$folder/include/attune/$1/$1.h"
  echo "#include \"attune/$1/$1.h\"" >"$folder/$1.cc"
}
configure() { run_it cmake -S "$tree" -B "$tree/build" -G Ninja; }
lint() { run_it cmake -P "$tree/cmake/check_layers.cmake"; }

test_case "a tree that keeps the rules is configured"
project; configure; expect_status 0
lint; expect_status 0; expect_equal "$output" ""

test_case "a dependency on a higher layer stops configuration"
project; module base 0 "math"; configure
expect_failure; expect_says "layer violation: 'base' (0) depends on 'math' (1)"
lint; expect_says "ATTUNE: layer violation: 'base' (0) depends on 'math' (1)"

test_case "a dependency within a layer stops configuration"
project; module math 1 "base store"; configure
expect_failure; expect_says "layer violation: 'math' (1) depends on 'store' (1)"

test_case "a lower module that the row does not allow stops configuration"
project; module learn 2 "base math"; module recommend 3 "base math store"; configure
expect_failure; expect_says "module 'recommend' may not depend on 'store': its row allows base math learn"
lint; expect_says "ATTUNE: module 'recommend' may not depend on 'store'"

test_case "a module without a row stops configuration"
project; module math 1 "base"; sed -i 's/NAME math/NAME drawer/' "$tree/src/math/CMakeLists.txt"; configure
expect_failure; expect_says "module 'drawer' has no row in cmake/layers.cmake"

test_case "a module that states another layer than its row stops configuration"
project; module math 2 "base"; configure
expect_failure; expect_says "module 'math' says layer 2, its row in cmake/layers.cmake says 1"

test_case "an include that DEPS does not list stops configuration"
project; echo '#include "attune/store/store.h"' >>"$tree/src/math/math.cc"; configure
expect_failure; expect_says "src/math/math.cc includes module 'store', which 'math' does not list in DEPS"
lint; expect_says "ATTUNE: src/math/math.cc includes module 'store'"

test_case "so does one in a header, in a test, with brackets or with blanks"
project
echo '#  include <attune/store/store.h>' >>"$tree/src/math/include/attune/math/math.h"
mkdir "$tree/src/math/tests"; echo '  #include "attune/learn/x.h"' >"$tree/src/math/tests/math_test.cc"
lint
expect_says "src/math/include/attune/math/math.h includes module 'store'"
expect_says "src/math/tests/math_test.cc includes module 'learn'"

test_case "a program's includes are held to what it lists, and that to its row"
project; mkdir -p "$tree/apps/attune"; echo 'add_subdirectory(apps/attune)' >>"$tree/CMakeLists.txt"
# shellcheck disable=SC2016  # CMake's own variable
echo 'attune_check_includes(cli ${CMAKE_CURRENT_SOURCE_DIR} "base;report")' >"$tree/apps/attune/CMakeLists.txt"
echo '#include "attune/base/base.h"' >"$tree/apps/attune/main.cc"
configure; expect_status 0
lint; expect_equal "$output" ""
echo '#include "attune/store/store.h"' >>"$tree/apps/attune/main.cc"
configure; expect_failure; expect_says "apps/attune/main.cc includes module 'store', which 'cli' does not list"
lint; expect_says "ATTUNE: apps/attune/main.cc includes module 'store'"
sed -i 's/base;report/base;store/' "$tree/apps/attune/CMakeLists.txt"
configure; expect_failure; expect_says "module 'cli' may not depend on 'store'"

finish
