// What a history and the appenders on it share.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/store/history.h"
#include "duck.h"

namespace attune::store {

struct History::Impl {
  std::shared_ptr<duck::Connection> connection;

  // The bookkeeping tables have rows of a name and a number.
  Status note(std::string_view table, std::string_view name, std::int64_t number);
  Result<std::optional<std::int64_t>> noted(std::string_view table, std::string_view name);
  Status make_cursors();  // unless they are there
  Result<bool> has_table(std::string_view table);
  std::vector<std::string> tables_seen;  // outside of a transaction: nobody removes them

  // Of the first row; absent where there is none, or a NULL.
  Result<std::optional<std::int64_t>> first_int64(std::string_view sql,
                                                  std::span<const Value> parameters);
};

}  // namespace attune::store
