// The shop's data as files. Answers: how do I take everything out again, in a form that others read
// and that imports back?
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/engine/customers.h"
#include "attune/engine/workspace.h"
#include "attune/store/tables.h"

namespace attune::engine {

enum class ExportKind : std::uint8_t {
  events,
  items,
  customers,
  profiles,
  segments,
  recommendations
};
// Errors: invalid_argument naming the nearest.
Result<ExportKind> parse_export_kind(std::string_view text);

struct ExportOptions {
  ExportKind kind = ExportKind::events;
  store::TableFormat format = store::TableFormat::csv;
  std::filesystem::path file;
  std::string segment;          // profiles: only its members
  Customers::Options profiles;  // profiles and segments
  std::string model;            // recommendations
  int k = 10;                   // recommendations
};

// Writes one file, whole or not at all. Columns are named so that the same file imports back
// without a mapping: events with event_id, customer_id, anonymous_id, item_id, type, time … (the
// event's own key where the source gave no id), items one row for each moment that something was
// stated, customers one row with a column a trait. Result: rows. Errors: failed_precondition
// (nothing trained), those of the stores and of writing.
Result<std::int64_t> export_table(Workspace& workspace, const ExportOptions& options,
                                  Progress& progress);

}  // namespace attune::engine
