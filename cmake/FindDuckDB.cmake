# DuckDB through its C API: header and library as `./run` lays them in .deps/duckdb (pinned, integrity checked).
find_path(DuckDB_INCLUDE_DIR duckdb.h PATHS ${PROJECT_SOURCE_DIR}/.deps/duckdb/include NO_DEFAULT_PATH)
find_library(DuckDB_LIBRARY duckdb PATHS ${PROJECT_SOURCE_DIR}/.deps/duckdb/lib NO_DEFAULT_PATH)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(DuckDB
  REQUIRED_VARS DuckDB_LIBRARY DuckDB_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "run `./run build`, which brings it, instead of calling cmake directly")
if(DuckDB_FOUND AND NOT TARGET DuckDB::DuckDB)
  add_library(DuckDB::DuckDB SHARED IMPORTED)
  set_target_properties(DuckDB::DuckDB PROPERTIES IMPORTED_LOCATION ${DuckDB_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES ${DuckDB_INCLUDE_DIR})
endif()
