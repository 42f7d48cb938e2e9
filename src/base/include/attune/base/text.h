// Text from outside: is it UTF-8, how do we show it, and what did they mean to type?
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace attune {

// Byte offset of the first byte that is not UTF-8 (overlong forms, surrogates and NUL-free text are
// checked); absent when all is well.
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

// Unicode NFC, white space trimmed and runs of it folded to one blank, control characters dropped.
// Invalid UTF-8 becomes U+FFFD.
std::string normalise_text(std::string_view text);

// Lower case of ASCII only: for keywords and column names.
std::string ascii_lower(std::string_view text);
std::string_view trim(std::string_view text);
// 0 to 9, whatever the locale.
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Bytes of the UTF-8 character that begins at `at`, which is inside of `text`.
std::size_t character_length(std::string_view text, std::size_t at);

// The candidate nearest to `typed` by edit distance, if near enough to be a likely slip; ties go to
// the first.
std::optional<std::string> nearest_name(std::string_view typed,
                                        std::span<const std::string> candidates);
// "; did you mean 'x'?" or an empty text.
std::string did_you_mean(std::string_view typed, std::span<const std::string> candidates);

// Printable and short, for error messages: control characters and invalid bytes as \xNN, cut at
// `limit` characters with "…".
std::string quoted(std::string_view text, std::size_t limit = 60);

// Columns that a terminal needs: CJK and emoji count 2, combining marks 0.
int display_width(std::string_view utf8);

// "1,234,567".
std::string with_thousands(std::int64_t number);

}  // namespace attune
