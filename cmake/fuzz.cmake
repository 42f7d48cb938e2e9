# attune_add_fuzzer(NAME SOURCE MODULE): the libFuzzer program attune_<NAME> from SOURCE (relative to the root), linked with the
# module. Only in a build with ATTUNE_BUILD_FUZZERS (preset `fuzz`, clang).
function(attune_add_fuzzer name source module)
  if(NOT ATTUNE_BUILD_FUZZERS)
    return()
  endif()
  add_executable(attune_${name} ${PROJECT_SOURCE_DIR}/${source})
  target_link_libraries(attune_${name} PRIVATE attune_${module})
  target_link_options(attune_${name} PRIVATE -fsanitize=fuzzer)
  set_property(GLOBAL APPEND PROPERTY ATTUNE_FUZZERS attune_${name})
endfunction()
