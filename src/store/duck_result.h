// Where chunks and results of a query keep DuckDB's handles.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "duck.h"

namespace attune::store {

struct ResultColumn {
  std::string name;
  std::string type;  // as DuckDB writes it
  duckdb_type id;
  duckdb_type internal;            // of DECIMAL and ENUM: how values are held
  int scale = 0;                   // of DECIMAL
  std::vector<std::string> words;  // of ENUM
};

struct Chunk::Impl {
  duckdb_data_chunk handle = nullptr;
  std::size_t rows = 0;
  std::shared_ptr<const std::vector<ResultColumn>> columns;

  struct Column {
    const void* data = nullptr;
    const std::uint64_t* validity = nullptr;
    // Converted on demand.
    std::vector<std::int64_t> int64;
    std::vector<double> real;
    std::vector<Timestamp> time;
  };
  std::vector<Column> vectors;

  ~Impl() {
    if (handle != nullptr) duckdb_destroy_data_chunk(&handle);
  }
};

struct QueryResult::Impl {
  std::shared_ptr<duck::Connection> connection;
  duckdb_prepared_statement statement = nullptr;
  duckdb_result result{};
  std::uint64_t number = 0;  // of the statement on its connection
  bool ended = false;
  std::shared_ptr<const std::vector<ResultColumn>> columns;

  Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    duckdb_destroy_result(&result);
    if (statement != nullptr) duckdb_destroy_prepare(&statement);
    // A result that was not read to its end holds its tables until the connection's next statement:
    // a checkpoint of another connection would wait for that.
    if (connection != nullptr && !ended && connection->statements == number)
      (void)duck::execute(*connection, "SELECT 1");
  }
};

// Types that Chunk has no reader for.
bool is_readable(duckdb_type type);

// What the result's columns are. Errors: invalid_argument for a type without a reader.
Result<std::vector<ResultColumn>> describe_columns(duckdb_result& result);

}  // namespace attune::store
