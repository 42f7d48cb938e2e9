// Turns other encodings into UTF-8, piece by piece.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/events/byte_source.h"

namespace attune::events {

// Keeps what is left of a sequence that a piece cuts in two. What cannot be read becomes U+FFFD.
class TextDecoder {
 public:
  static Result<std::unique_ptr<TextDecoder>> create(Encoding encoding);
  ~TextDecoder();

  // Appends `bytes` as UTF-8 to `text`; `last` after the final piece.
  Status decode(std::string_view bytes, bool last, std::string& text);

 private:
  struct Converters;
  explicit TextDecoder(std::unique_ptr<Converters> converters);
  std::unique_ptr<Converters> converters_;
};

}  // namespace attune::events
