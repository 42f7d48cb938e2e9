// Copies of files that are on disk when they are made.
#pragma once

#include <filesystem>

#include "attune/base/error.h"

namespace attune::store {

// Writes all that `descriptor` reads from its beginning into the new file `path`, and syncs it.
// On an error no file stays. Errors: already_exists; resource_exhausted (disk full).
Status copy_descriptor(int descriptor, const std::filesystem::path& path, bool secret = false);

}  // namespace attune::store
