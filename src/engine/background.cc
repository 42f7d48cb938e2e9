#include "background.h"

#include <sys/resource.h>

namespace attune::engine {

void give_way() {
  constexpr int kNiceness = 10;  // a weight of 110 against 1,024
  // On Linux that of the calling thread alone.
  (void)setpriority(PRIO_PROCESS, 0, kNiceness);
}

}  // namespace attune::engine
