// A disk that was full. Answers: is there room again?
#pragma once

#include <cstddef>
#include <filesystem>

namespace attune::engine {

// Writes as many bytes into `folder`, syncs them, and takes them away again: free space that the
// system states may be somebody else's.
bool has_room(const std::filesystem::path& folder, std::size_t bytes);

}  // namespace attune::engine
