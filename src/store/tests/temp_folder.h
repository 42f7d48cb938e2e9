// A folder of a test's own, gone with the object.
#pragma once

#include <filesystem>
#include <string>

#include <stdlib.h>

#include <gtest/gtest.h>

#include "attune/base/error.h"

namespace attune::store {

class TempFolder {
 public:
  TempFolder() {
    std::string name = (home() / "attune-store-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  // In memory where there is room: what tests say about syncs they say through FaultVfs, and real
  // ones would only make them wait.
  static std::filesystem::path home() {
    const std::filesystem::path memory = "/dev/shm";
    std::error_code error;
    const auto space = std::filesystem::space(memory, error);
    if (!error && space.available > (std::uintmax_t{1} << 30)) return memory;
    return std::filesystem::temp_directory_path();
  }

  std::filesystem::path path_;
};

// The value; where there is none, an exception that ends the test with the error's text.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(to_string(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value()) << "an error was expected";
  return result ? ErrorCode::internal : result.error().code;
}

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "no error" : to_string(result.error());
}

}  // namespace attune::store
