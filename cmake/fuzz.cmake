# attune_add_fuzzer(NAME SOURCE MODULE) declares the fuzz target NAME ("rules_fuzz") from SOURCE (relative to the root), linked
# with the module. With the preset `fuzz` it becomes bin/attune_NAME, which `./run fuzz NAME` runs. In every other build it is a
# test that replays the inputs of fuzz/seeds/NAME, so that a target cannot rot, and a crash once found stays mended: its input
# becomes a seed.
function(attune_add_fuzzer name source module)
  set(seeds ${PROJECT_SOURCE_DIR}/fuzz/seeds/${name})
  if(ATTUNE_BUILD_FUZZERS)
    add_executable(attune_${name} ${PROJECT_SOURCE_DIR}/${source})
    target_link_options(attune_${name} PRIVATE -fsanitize=fuzzer)
  elseif(ATTUNE_BUILD_TESTS)
    add_executable(attune_${name} ${PROJECT_SOURCE_DIR}/${source} ${PROJECT_SOURCE_DIR}/fuzz/replay.cc)
    add_test(NAME fuzz/${name} COMMAND attune_${name} ${seeds} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    set_tests_properties(fuzz/${name} PROPERTIES LABELS "fuzz;${module}" TIMEOUT 300)
  else()
    return()
  endif()
  set_target_properties(attune_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
  target_link_libraries(attune_${name} PRIVATE attune_${module})
endfunction()
