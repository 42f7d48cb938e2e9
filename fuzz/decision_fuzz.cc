// Any bytes as a logged decision: refused, or a decision that reads back as itself and replays or
// says where it differs.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "attune/decide/decision.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attune::decide;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto decision = parse_decision(bytes);
  if (!decision) {
    if (decision.error().code != attune::ErrorCode::data_corruption) std::abort();
    return 0;
  }
  const auto again = parse_decision(to_json(*decision));
  if (!again || !(*again == *decision)) std::abort();
  const auto replayed = replay(*decision);
  if (!replayed && replayed.error().message.empty()) std::abort();
  // What the policy chooses from the same shortlist replays.
  if (const auto policy = parse_policy(decision->policy)) {
    Decision fresh = *decision;
    fresh.chosen = choose(fresh.shortlist, fresh.chosen.size() + 1, *policy, fresh.seed);
    if (!replay(fresh)) std::abort();
  }
  return 0;
}
