// The words a rule may use: fields and functions, with their types. Answers: what can be asked
// about a customer, an item or a campaign?
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"

namespace attune::rules {

// Types of values in a rule. `duration` is the type of "30 days" and of the difference of two
// times; fields cannot have it.
enum class Type : std::uint8_t { number, text, flag, time, text_list, duration };

// "a number", "a list of text": for messages.
std::string_view with_article(Type type);
std::string_view name_of(Type type);

// A length of time. The language knows minutes, hours, days (24 h) and weeks.
struct Duration {
  std::int64_t micros = 0;
  friend auto operator<=>(const Duration&, const Duration&) = default;
};

// A value at evaluation; std::monostate is a missing one. Text is a view: it lives as long as the
// rule or the source.
using Value = std::variant<std::monostate, double, bool, Timestamp, Duration, std::string_view>;

inline constexpr std::size_t kMaxArguments = 8;  // of a function

struct Field {
  std::string name;
  Type type = Type::number;
  std::string help;
  // For a text field with a closed vocabulary (a lifecycle stage): comparing it with any other
  // literal is an error that names the nearest value. Empty: any text will do.
  std::vector<std::string> values = {};
};

struct Function {
  std::string name;
  std::vector<Type> arguments;  // of number, text, flag, time, duration
  Type result = Type::flag;     // of number, text, flag, time
  std::string help;
  std::size_t optional_arguments = 0;  // so many of the last arguments may be left out
  // Looks at the arguments when the rule is parsed (one that is no constant is std::monostate) and
  // may refuse them: in_segment("vip") when there is no such segment. The message is shown below
  // the place. Empty: all are accepted.
  std::function<Status(std::span<const Value>)> check = {};
};

// Immutable after creation; safe to share between threads. A Rule refers to fields and functions by
// their index here.
class Schema {
 public:
  // `zone` tells when the day of date("2011-06-01") begins.
  // Errors: invalid_argument for an empty or repeated name, a function named like one of the
  // language (date, days_ago, count), a name that holds a line break or a backquote, or a type that
  // the place does not allow.
  static Result<Schema> create(std::vector<Field> fields, std::vector<Function> functions = {},
                               TimeZone zone = TimeZone::utc());

  std::span<const Field> fields() const { return fields_; }
  std::span<const Function> functions() const { return functions_; }
  const TimeZone& zone() const { return zone_; }

  std::optional<std::size_t> find_field(std::string_view name) const;
  std::optional<std::size_t> find_function(std::string_view name) const;

 private:
  explicit Schema(TimeZone zone) : zone_(std::move(zone)) {}

  std::vector<Field> fields_;
  std::vector<Function> functions_;
  TimeZone zone_;
  std::unordered_map<std::string, std::size_t> field_index_;
  std::unordered_map<std::string, std::size_t> function_index_;
};

}  // namespace attune::rules
