# cmake -P cmake/check_layers.cmake: the checks of modules.cmake on every module at once, without configuring anything.
# Prints a line "ATTUNE: problem" for each.
cmake_minimum_required(VERSION 3.25)
get_filename_component(PROJECT_SOURCE_DIR ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)
include(${CMAKE_CURRENT_LIST_DIR}/modules.cmake)

function(attune_add_module)
  cmake_parse_arguments(M "" "NAME;LAYER" "DEPS;SOURCES;LIBRARIES;PUBLIC_LIBRARIES;TESTS;TEST_LIBRARIES;BENCHES" ${ARGN})
  attune_row_problems("${M_NAME}" "${M_LAYER}" "${M_DEPS}" row_problems)
  attune_include_problems(${M_NAME} ${folder} "${M_DEPS}" include_problems)
  foreach(problem IN LISTS row_problems include_problems)
    message("ATTUNE: ${problem}")
  endforeach()
endfunction()

file(GLOB lists ${PROJECT_SOURCE_DIR}/src/*/CMakeLists.txt ${PROJECT_SOURCE_DIR}/apps/*/CMakeLists.txt)
foreach(list IN LISTS lists)
  get_filename_component(folder ${list} DIRECTORY)
  file(READ ${list} text)
  string(REGEX REPLACE "#[^\n]*" "" text "${text}")
  if(text MATCHES "attune_add_module\\([^)]*\\)")
    cmake_language(EVAL CODE "${CMAKE_MATCH_0}")
  endif()
endforeach()
