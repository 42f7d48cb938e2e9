// How every part of Attune reports what went wrong. Answers: what failed, where, and what can be
// done about it?
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace attune {

enum class ErrorCode : std::uint8_t {
  invalid_argument,     // the caller's input is wrong, whatever the state of the world
  not_found,            // the thing named does not exist
  already_exists,       // the thing named exists, and must not
  failed_precondition,  // right input, wrong moment: something else has to be done first
  out_of_range,         // past the end of what there is
  resource_exhausted,   // disk, memory, quota or time ran out
  unavailable,          // try again later: another process holds it, or a peer does not answer
  data_corruption,      // bytes on disk are not what was written
  permission_denied,    // the caller may not
  cancelled,            // the caller asked to stop; nothing half-done stays
  internal,             // a defect of Attune
};

// What a failure says: `message` names the thing, the place and the remedy; `context` tells,
// innermost first and separated by "; ", what was being done.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string context;

  // The same error, with one more line of what was being done.
  Error within(std::string_view what) const;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

Error invalid_argument(std::string message);
Error not_found(std::string message);
Error already_exists(std::string message);
Error failed_precondition(std::string message);
Error out_of_range(std::string message);
Error resource_exhausted(std::string message);
Error unavailable(std::string message);
Error data_corruption(std::string message);
Error permission_denied(std::string message);
Error cancelled(std::string message);
Error internal_error(std::string message);

// The one table that maps a code to its name, HTTP status and exit status of a command.
struct ErrorCodeInfo {
  ErrorCode code;
  std::string_view name;
  int http_status;
  int exit_status;
};
const ErrorCodeInfo& info(ErrorCode code);
std::span<const ErrorCodeInfo> all_error_codes();

// "name: message (context)", one line, for logs and terminals.
std::string to_string(const Error& error);

// Ends the process with `what`: for programmer errors only, never for user input or bytes on disk.
[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               std::string_view what);

}  // namespace attune

// Stops on a programmer error.
#define ATTUNE_CHECK(condition, what) \
  ((condition) ? void(0) : ::attune::check_failed(#condition, __FILE__, __LINE__, (what)))

// Returns the error of `expression` (a Status or a Result whose value is not wanted).
#define ATTUNE_RETURN_IF_ERROR(expression)                                              \
  do {                                                                                  \
    if (auto ATTUNE_JOIN(attune_status_, __LINE__) = (expression);                      \
        !ATTUNE_JOIN(attune_status_, __LINE__)) {                                       \
      return std::unexpected(std::move(ATTUNE_JOIN(attune_status_, __LINE__)).error()); \
    }                                                                                   \
  } while (false)

#define ATTUNE_JOIN_(a, b) a##b
#define ATTUNE_JOIN(a, b) ATTUNE_JOIN_(a, b)

// ATTUNE_ASSIGN_OR_RETURN(auto rows, count_rows(file)): takes the value, or returns the error.
#define ATTUNE_ASSIGN_OR_RETURN(declaration, ...)                                     \
  auto ATTUNE_JOIN(attune_result_, __LINE__) = (__VA_ARGS__);                         \
  if (!ATTUNE_JOIN(attune_result_, __LINE__)) {                                       \
    return std::unexpected(std::move(ATTUNE_JOIN(attune_result_, __LINE__)).error()); \
  }                                                                                   \
  declaration = std::move(*ATTUNE_JOIN(attune_result_, __LINE__))
