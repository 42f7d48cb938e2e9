// Any bytes as a stored profile: refused, or a state that can be written back, merged, folded into
// and described; and as stored statistics of a shop. The checksum is made right first, so that what
// lies behind it is reached.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "attune/base/hash.h"
#include "attune/profiles/cohorts.h"
#include "attune/profiles/context.h"
#include "attune/profiles/profile.h"
#include "attune/profiles/shop_statistics.h"

namespace {

using namespace attune;
using namespace attune::profiles;

std::string with_checksum(std::string_view body) {
  std::string blob(body);
  const auto sum = static_cast<std::uint32_t>(hash64(body, 1));
  for (int shift = 0; shift < 32; shift += 8) blob.push_back(static_cast<char>(sum >> shift));
  return blob;
}

void use(ProfileAccumulator profile) {
  const auto again = ProfileAccumulator::parse(profile.serialise(), profile.serialise_searches());
  if (!again || !(again->state() == profile.state())) std::abort();
  ShopStatistics statistics;
  statistics.add(profile.state(), TimeZone::utc());
  const Timestamp as_of{1'600'000'000'000'000};
  const ShopContext context = statistics.context(as_of, TimeZone::utc(), {}, {});
  if (to_json(describe({1}, profile.state(), context), MemoryVocabulary()).empty()) std::abort();
  CohortTable cohorts(TimeZone::utc());
  if (profile.state().orders.size() < 100) {
    cohorts.add(profile.state());
    if (cohorts.cohorts().size() > 1) std::abort();
  }
  if (!profile.merge(*again)) std::abort();
  ProfileEvent event;
  event.time = {1'600'000'000'000'000};
  event.type = events::EventType::purchase;
  event.item = {1};
  event.price_minor = 5;
  set_local_time(event, TimeZone::utc());
  profile.fold(event, FoldRules());
  if (!profile.state().orders.empty()) {  // a refund of a whole order
    ProfileEvent refund;
    refund.time = event.time;
    refund.type = events::EventType::refund;
    refund.order = profile.state().orders.front().key;
    set_local_time(refund, TimeZone::utc());
    profile.fold(refund, FoldRules());
  }
  if (to_json(describe({1}, profile.state(), context), MemoryVocabulary()).empty()) std::abort();
}

void use(Result<ShopStatistics> statistics) {
  if (!statistics) return;
  if (ShopStatistics::parse(statistics->serialise())->serialise() != statistics->serialise())
    std::abort();
  if (!statistics->holds()) return;
  const ShopContext context =
      statistics->context(Timestamp{1'600'000'000'000'000}, TimeZone::utc(), {}, {});
  if (context.rfm.buyers() < 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto profile = ProfileAccumulator::parse(bytes)) use(std::move(*profile));
  if (auto profile = ProfileAccumulator::parse(with_checksum(bytes))) use(std::move(*profile));
  use(ShopStatistics::parse(with_checksum(bytes)));
  static const std::string empty = ProfileAccumulator().serialise();
  if (auto profile = ProfileAccumulator::parse(empty, with_checksum(bytes))) {
    use(std::move(*profile));
  }
  return 0;
}
