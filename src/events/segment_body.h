// Bytes from outside as JSON that can be walked. Answers: is this whole body JSON within the
// limits, and if not, where not?
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "attune/base/error.h"

namespace attune::events::detail {

inline constexpr int kJsonLevelsMax = 32;

// A scalar that is JSON by its grammar, yet means nothing that can be kept.
struct BadScalar {
  std::string path;  // "properties.price", "traits.tags[2]"
  std::string
      reason;  // "bad_number": beyond a double or 64 bits; "bad_text": half a surrogate pair
  std::string message;  // what and remedy
};

// Holds a checked copy of one body at a time. Threads: one at a time.
class SegmentBody {
 public:
  SegmentBody();
  ~SegmentBody();

  // Copies and checks the body. The answer is its text, readable for 64 bytes beyond its end, until
  // the next call. Errors: invalid_argument naming the place.
  Result<std::string_view> check(std::string_view body);

  // True if the last body holds bad scalars, which single messages have to be searched for.
  bool has_bad_scalars() const { return has_bad_scalars_; }
  // The first within `raw`, a value of the last body.
  std::optional<BadScalar> find_bad_scalar(std::string_view raw);

 private:
  struct Parser;
  Error explain(std::string_view text, int code) const;
  bool search(std::string_view written, std::string& path, BadScalar& found);
  bool is_bad(std::string_view scalar, std::string_view path, BadScalar& found);

  std::unique_ptr<Parser> parser_;
  std::string text_;
  std::string probe_;
  bool has_bad_scalars_ = false;
};

}  // namespace attune::events::detail
