// Files that are either whole or not there. Answers: are these bytes on disk, and are they the ones
// we wrote?
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "attune/base/error.h"

namespace attune {

// Reads a file whole. Errors: not_found; permission_denied; resource_exhausted beyond `max_bytes`.
Result<std::string> read_file(const std::filesystem::path& path,
                              std::uint64_t max_bytes = std::uint64_t{4} << 30);

// Writes bytes to a new file beside `path`, syncs it, renames it over `path` and syncs the folder:
// after a crash `path` holds the old bytes or the new ones, never a part. Mode 0600 where `secret`,
// else 0644. Errors: resource_exhausted (disk full), permission_denied, not_found (no such folder).
Status write_file_durably(const std::filesystem::path& path, std::string_view bytes,
                          bool secret = false);

// Appends a trailer of magic, format version, length and XXH3-128 to `payload` and writes it
// durably; reading checks all four. Errors of reading: data_corruption naming the file and what is
// wrong ("cut short", "not a <magic> file", "written by a newer version"), besides those of
// read_file.
Status write_checked_file(const std::filesystem::path& path, std::string_view magic,
                          std::uint32_t version, std::string_view payload, bool secret = false);
struct CheckedBytes {
  std::uint32_t version;
  std::string payload;
};
Result<CheckedBytes> read_checked_file(const std::filesystem::path& path, std::string_view magic,
                                       std::uint32_t newest_version);

// fsync of a file or folder by name.
Status sync_path(const std::filesystem::path& path);

// The error that the present `errno` stands for: "cannot <doing> <path>: <reason>; <remedy>".
Error error_from_errno(std::string_view doing, const std::filesystem::path& path);

}  // namespace attune
