#include "attune/base/error.h"

#include <array>
#include <cstdio>
#include <cstdlib>

namespace attune {
namespace {

constexpr std::array<ErrorCodeInfo, 11> kErrorCodes{{
    {ErrorCode::invalid_argument, "invalid_argument", 400, 2},
    {ErrorCode::not_found, "not_found", 404, 3},
    {ErrorCode::already_exists, "already_exists", 409, 4},
    {ErrorCode::failed_precondition, "failed_precondition", 409, 5},
    {ErrorCode::out_of_range, "out_of_range", 400, 6},
    {ErrorCode::resource_exhausted, "resource_exhausted", 507, 7},
    {ErrorCode::unavailable, "unavailable", 503, 8},
    {ErrorCode::data_corruption, "data_corruption", 500, 9},
    {ErrorCode::permission_denied, "permission_denied", 403, 10},
    {ErrorCode::cancelled, "cancelled", 499, 130},
    {ErrorCode::internal, "internal", 500, 70},
}};

}  // namespace

Error Error::within(std::string_view what) const {
  Error outer = *this;
  if (!outer.context.empty()) outer.context += "; ";
  outer.context += what;
  return outer;
}

Error invalid_argument(std::string message) {
  return {ErrorCode::invalid_argument, std::move(message), {}};
}
Error not_found(std::string message) { return {ErrorCode::not_found, std::move(message), {}}; }
Error already_exists(std::string message) {
  return {ErrorCode::already_exists, std::move(message), {}};
}
Error failed_precondition(std::string message) {
  return {ErrorCode::failed_precondition, std::move(message), {}};
}
Error out_of_range(std::string message) {
  return {ErrorCode::out_of_range, std::move(message), {}};
}
Error resource_exhausted(std::string message) {
  return {ErrorCode::resource_exhausted, std::move(message), {}};
}
Error unavailable(std::string message) { return {ErrorCode::unavailable, std::move(message), {}}; }
Error data_corruption(std::string message) {
  return {ErrorCode::data_corruption, std::move(message), {}};
}
Error permission_denied(std::string message) {
  return {ErrorCode::permission_denied, std::move(message), {}};
}
Error cancelled(std::string message) { return {ErrorCode::cancelled, std::move(message), {}}; }
Error internal_error(std::string message) { return {ErrorCode::internal, std::move(message), {}}; }

const ErrorCodeInfo& info(ErrorCode code) { return kErrorCodes[static_cast<std::size_t>(code)]; }

std::span<const ErrorCodeInfo> all_error_codes() { return kErrorCodes; }

std::string to_string(const Error& error) {
  std::string text(info(error.code).name);
  text += ": ";
  text += error.message;
  if (!error.context.empty()) text += " (" + error.context + ")";
  return text;
}

void check_failed(const char* condition, const char* file, int line, std::string_view what) {
  std::fprintf(stderr, "%s:%d: check failed: %s: %.*s\n", file, line, condition,
               static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace attune
