// Encodings of MIME: how words and bodies travel as short lines of ASCII.
#pragma once

#include <string>
#include <string_view>

namespace attune::deliver {

// Line ends of any kind as CRLF, the last line ended too.
std::string with_crlf(std::string_view text);

// [RFC2045] 6.7 and 6.8; lines of at most 76 characters.
std::string to_quoted_printable(std::string_view crlf_text);
std::string to_base64_lines(std::string_view bytes);
// Lenient reading: what is malformed stays as it is.
std::string from_quoted_printable(std::string_view text);
std::string from_base64_lines(std::string_view text);

// Encoded words of [RFC2047] for UTF-8, folded; no character is divided between two.
std::string encoded_words(std::string_view utf8);

}  // namespace attune::deliver
