// A text file that gets its name once it is whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "attune/base/error.h"

namespace attune::simulate {

// Writes to `path` + ".part". What is not kept is removed with the object.
// Threads: one at a time.
class OutputFile {
 public:
  // Errors: those of the file system, naming the file.
  static Result<OutputFile> create(const std::filesystem::path& path, bool gzip = false);
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) noexcept;
  ~OutputFile();

  Status write(std::string_view text);
  // Writes what is left. Errors: resource_exhausted (disk full).
  Status close();
  // Gives the closed file its name, replacing an older one.
  Status keep();

 private:
  struct Handle;
  explicit OutputFile(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

// One line of CSV [RFC4180], fields in order.
class CsvRow {
 public:
  void text(std::string_view field);  // quoted where it must be
  void number(std::int64_t field);
  void real(double field);          // shortest text that reads back as the same number
  void amount(std::int64_t minor);  // two decimals
  void none() { separate(); }
  // The line with its end; the next field begins a new one.
  std::string_view finish();

 private:
  void separate();
  std::string line_;
  bool begun_ = false;
  bool finished_ = false;
};

}  // namespace attune::simulate
