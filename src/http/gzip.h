// Compressed bodies, in and out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace attune::http {

enum class GunzipOutcome { whole, broken, too_large };

// Replaces `body` by what it decompresses to; several gzip members one after the other are one
// body. Memory stays near `limit`, whatever the input claims.
GunzipOutcome gunzip(std::string& body, std::size_t limit);

// Fast rather than small. Empty when zlib fails, which only want of memory can bring about.
std::string gzip(std::string_view body);

}  // namespace attune::http
