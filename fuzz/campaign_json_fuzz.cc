// Any bytes as a campaign in JSON: refused with a path, or a campaign whose JSON reads back as
// itself.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "attune/engage/campaign.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace attune::engage;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const CampaignContext context{};
  const auto campaign = parse_campaign_json(bytes, "f", context);
  if (!campaign) {
    if (campaign.error().code != attune::ErrorCode::invalid_argument) std::abort();
    if (!campaign.error().message.starts_with("f: ")) std::abort();
    return 0;
  }
  const std::string json = to_json(*campaign);
  const auto again = parse_campaign_json(json, "f", context);
  // Escapes may make the JSON longer than what a file may hold.
  if (!again && json.size() <= kMaxCampaignBytes) std::abort();
  if (again && (!(*again == *campaign) || to_json(*again) != json)) std::abort();
  if (!plan_of(*campaign, 1, 1, context.zone)) std::abort();
  return 0;
}
