// Cuts the text of a rule into tokens. Answers: which words and signs are there, and where?
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "attune/rules/rule.h"

namespace attune::rules {

enum class TokenKind : std::uint8_t { number, text, name, quoted_name, sign, end };

struct Token {
  TokenKind kind = TokenKind::end;
  std::size_t offset = 0;
  std::size_t length = 0;
  std::string text;  // of a text its content, of a name the name, of a sign the sign
  double number = 0;
};

// The last token is `end`. Errors: text that is no UTF-8 or too long, an open quote, a sign that
// the language does not know (with the ASCII sign to write instead of a full-width one), a number
// out of range.
std::expected<std::vector<Token>, Diagnostic> tokenise(std::string_view text);

// Whether `name` is a word of the language, in any case.
bool is_keyword(std::string_view name);
// Whether `name` can stand in a rule without backquotes.
bool is_plain_name(std::string_view name);

// Fills line and column from the offset.
Diagnostic locate(std::string_view text, Diagnostic diagnostic);

}  // namespace attune::rules
