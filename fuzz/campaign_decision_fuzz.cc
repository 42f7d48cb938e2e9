// Any bytes as a campaign's logged decision: refused, or a decision that reads back as itself and
// replays or says where it differs.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "attune/decide/campaign_decision.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attune::decide;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto decision = parse_campaign_decision(bytes);
  if (!decision) {
    if (decision.error().code != attune::ErrorCode::data_corruption) std::abort();
    return 0;
  }
  const auto again = parse_campaign_decision(to_json(*decision));
  if (!again || !(*again == *decision)) std::abort();
  const auto replayed = replay(*decision);
  if (!replayed && replayed.error().message.empty()) std::abort();
  return 0;
}
