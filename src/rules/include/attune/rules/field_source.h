// Where a rule reads the values of one customer, item or campaign. Implemented by whoever owns
// them.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "attune/base/time.h"
#include "attune/rules/schema.h"

namespace attune::rules {

// One call of a schema function.
struct Call {
  std::size_t function = 0;  // index in Schema::functions()
  // Index of this call in Rule::calls(): a source that prepared something per call (a segment
  // looked up once) finds it here.
  std::size_t site = 0;
  std::span<const Value> arguments;
};

// Answers for the entity at hand. `field` is an index in Schema::fields(); a rule asks only the
// method of the field's type. Absent means missing; NaN counts as missing too. Texts must stay
// valid until the source is changed. Methods that a source leaves out answer "missing".
// Threads: a rule calls from the thread that evaluates it.
class FieldSource {
 public:
  virtual ~FieldSource() = default;

  virtual std::optional<double> number(std::size_t /*field*/) const { return std::nullopt; }
  virtual std::optional<std::string_view> text(std::size_t /*field*/) const { return std::nullopt; }
  virtual std::optional<bool> flag(std::size_t /*field*/) const { return std::nullopt; }
  virtual std::optional<Timestamp> time(std::size_t /*field*/) const { return std::nullopt; }

  // A list of text: its size (absent when missing; 0 is a known, empty list), and the text at 0 <=
  // index < size.
  virtual std::optional<std::size_t> list_size(std::size_t /*field*/) const { return std::nullopt; }
  virtual std::string_view list_at(std::size_t /*field*/, std::size_t /*index*/) const {
    return {};
  }

  // The result must be of the function's result type, or std::monostate; anything else is read as
  // missing.
  virtual Value call(const Call& /*call*/) const { return {}; }
};

}  // namespace attune::rules
