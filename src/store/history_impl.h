// What a history and the appenders on it share.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "attune/store/history.h"
#include "duck.h"

namespace attune::store {

struct History::Impl {
  std::shared_ptr<duck::Connection> connection;

  // The bookkeeping tables have rows of a name and a number.
  Status note(std::string_view table, std::string_view name, std::int64_t number);
  Result<std::optional<std::int64_t>> noted(std::string_view table, std::string_view name);
};

}  // namespace attune::store
