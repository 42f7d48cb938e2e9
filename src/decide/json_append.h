// Pieces of JSON at the end of a text. Private to decide.
#pragma once

#include <string>
#include <string_view>

namespace attune::decide {

// In quotation marks; what is not UTF-8 is mended.
void append_text(std::string& out, std::string_view text);
// null where it is not finite.
void append_number(std::string& out, double number);
// ,"key":"text"
void append_member(std::string& out, std::string_view key, std::string_view text);

}  // namespace attune::decide
