#include "disk_room.h"

#include <string>

#include "attune/base/files.h"

namespace attune::engine {

bool has_room(const std::filesystem::path& folder, std::size_t bytes) {
  const std::filesystem::path probe = folder / ".room";
  const bool room = write_file_durably(probe, std::string(bytes, '-')).has_value();
  std::error_code ignored;
  std::filesystem::remove(probe, ignored);
  return room;
}

}  // namespace attune::engine
