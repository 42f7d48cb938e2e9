# cmake -P cmake/check_layers.cmake: the checks of modules.cmake on every module at once, without configuring anything.
# Prints a line "ATTUNE: problem" for each.
cmake_minimum_required(VERSION 3.25)
get_filename_component(PROJECT_SOURCE_DIR ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
include(${CMAKE_CURRENT_LIST_DIR}/modules.cmake)

function(attune_check_includes module folder allowed)
  get_property(layer GLOBAL PROPERTY ATTUNE_LAYER_${module})
  attune_row_problems("${module}" "${layer}" "${allowed}" row_problems)
  attune_include_problems(${module} ${folder} "${allowed}" include_problems)
  foreach(problem IN LISTS row_problems include_problems)
    message("ATTUNE: ${problem}")
  endforeach()
endfunction()

function(attune_add_module)
  cmake_parse_arguments(M "" "NAME;LAYER" "DEPS;SOURCES;LIBRARIES;PUBLIC_LIBRARIES;TESTS;TEST_LIBRARIES;BENCHES" ${ARGN})
  attune_check_includes("${M_NAME}" ${CMAKE_CURRENT_SOURCE_DIR} "${M_DEPS}")
  attune_row_problems("${M_NAME}" "${M_LAYER}" "" layer_problems)
  foreach(problem IN LISTS layer_problems)
    message("ATTUNE: ${problem}")
  endforeach()
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/each_module.cmake)
