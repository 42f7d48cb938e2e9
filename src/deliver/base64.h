// Base 64, by libsodium.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace attune::deliver {

std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);
// For URLs, without padding.
std::string to_base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

// HMAC of SHA-256 (32 bytes), any length of key.
std::string hmac_sha256(std::string_view key, std::string_view text);
bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace attune::deliver
