#include "background.h"

#include <optional>
#include <thread>

#include <sys/resource.h>

namespace attune::engine {

void give_way() {
  constexpr int kNiceness = 10;  // a weight of 110 against 1,024
  // On Linux that of the calling thread alone.
  (void)setpriority(PRIO_PROCESS, 0, kNiceness);
}

Result<Workspace> open_giving_way(const std::filesystem::path& folder,
                                  const WorkspaceOptions& how) {
  std::optional<Result<Workspace>> opened;
  std::jthread([&] {
    give_way();
    opened = Workspace::open(folder, how);
  }).join();
  return std::move(*opened);
}

}  // namespace attune::engine
