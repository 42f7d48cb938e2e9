// Large checked files that are written once, and read once soon after. Answers: how do gigabytes
// pass through the disk without being copied into the system's cache, and pushing others out of it?
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "attune/base/error.h"

namespace attune {

// As write_checked_file, with the same bytes on disk, past the cache where the file system can do
// that and the file is large. Read it with read_checked_file. Threads: any.
Status write_passing_file(const std::filesystem::path& path, std::string_view magic,
                          std::uint32_t version, std::string_view payload);

// It will be read soon: the disk may begin; it was read, and not for another time: the cache may
// let go of it. A file that is not there is not missed.
void read_ahead(const std::filesystem::path& path);
void read_for_good(const std::filesystem::path& path);

}  // namespace attune
