# For scripts: calls attune_add_module, or attune_check_includes of a program, as each CMakeLists.txt does, and nothing else of it.
# The caller has defined both, and PROJECT_SOURCE_DIR.
file(GLOB lists ${PROJECT_SOURCE_DIR}/src/*/CMakeLists.txt ${PROJECT_SOURCE_DIR}/apps/*/CMakeLists.txt)
foreach(list IN LISTS lists)
  get_filename_component(CMAKE_CURRENT_SOURCE_DIR ${list} DIRECTORY)
  file(READ ${list} text)
  string(REGEX REPLACE "#[^\n]*" "" text "${text}")
  if(text MATCHES "attune_(add_module|check_includes)\\([^)]*\\)")
    cmake_language(EVAL CODE "${CMAKE_MATCH_0}")
  endif()
endforeach()
