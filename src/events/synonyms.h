// Words that shops use for fields and event types, in English and Chinese.
#pragma once

#include <span>
#include <string_view>

#include "attune/events/event.h"
#include "attune/events/mapping.h"

namespace attune::events {

struct TypeSynonym {
  std::string_view word;
  EventType type;
};
std::span<const TypeSynonym> type_synonyms();

// A column name that speaks for a field. Compared with name_key() of the column.
struct FieldSynonym {
  std::string_view field;
  std::string_view word;
  double weight;  // 1: surely; below: only with the values' support
};
std::span<const FieldSynonym> field_synonyms(Kind kind);

// Lower case, without blanks, '_', '-', '.', and a bracketed unit: "Customer ID" = "customerid".
std::string name_key(std::string_view column);

}  // namespace attune::events
