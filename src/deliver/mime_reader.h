// Reads mail that came from outside, as far as reports need it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace attune::deliver {

// Names in lower case, values unfolded and trimmed.
using MimeHeaders = std::vector<std::pair<std::string, std::string>>;

// First of that name; empty where there is none.
std::string_view find_header(const MimeHeaders& headers, std::string_view lower_name);

// Takes a block of headers, up to and with its empty line, off the front of `text`. Lines that are
// no headers are left out; at most 500 are kept.
MimeHeaders take_headers(std::string_view& text);

struct MimePart {
  MimeHeaders headers;
  std::string type;  // "message/delivery-status", lower case; text/plain where none is told
  std::string body;  // decoded
};

// A message and its parts, in order; parts inside of parts are laid flat. At most 50 parts, 4 deep.
struct MimeMessage {
  MimeHeaders headers;
  std::string type;
  std::string report_type;  // lower case
  std::vector<MimePart> parts;
};
MimeMessage read_mime(std::string_view bytes);

}  // namespace attune::deliver
