// Texts that were kept because they could not become events. Answers: does this one name somebody
// who is to be forgotten?
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

#include "attune/base/error.h"
#include "attune/events/identity.h"

namespace attune::engine {

// Finds ids as values of their own: a text or number of a JSON document, a cell of a table's row.
// An id inside a longer text is not found. Lifetime: `identity` outlives it. Cost: two keyed hashes
// a value.
class ForgottenText {
 public:
  using IsOne = std::function<bool(const events::IdKey&)>;
  ForgottenText(const events::Identity& identity, IsOne is_one)
      : identity_(&identity), is_one_(std::move(is_one)) {}

  bool names(std::string_view text) const;
  // Takes the rows that name one out of a file of refused rows (".csv", ".jsonl"), which is written
  // anew only where there are any. Result: rows that went.
  Result<std::int64_t> clean(const std::filesystem::path& file) const;

 private:
  bool is_one(std::string_view value) const;
  bool is_cell(std::string_view cell) const;
  bool row_names(std::string_view row) const;
  bool literals_name(std::string_view text) const;

  const events::Identity* identity_;
  IsOne is_one_;
};

}  // namespace attune::engine
