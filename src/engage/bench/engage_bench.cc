// What it takes to decide a campaign for everybody, from contacts and consent in state to
// reservations and decisions in JSON. Each part checks what it made before it is timed.
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <stdlib.h>

#include <benchmark/benchmark.h>

#include "attune/base/random.h"
#include "attune/decide/campaign_decision.h"
#include "attune/engage/campaign.h"
#include "attune/engage/contact_store.h"
#include "attune/privacy/consent.h"
#include "attune/store/state.h"

namespace attune::engage {
namespace {

constexpr std::int64_t kContactsEach = 4;

// A shop's state with n customers, made once for each size.
struct Shop {
  std::filesystem::path folder;
  std::optional<store::State> state;
  std::vector<CustomerNumber> customers;
  Timestamp now = utc_from_civil({2026, 11, 25, 12, 0, 0, 0});

  explicit Shop(std::int64_t n) {
    char pattern[] = "/tmp/attune-engage-bench-XXXXXX";
    folder = ::mkdtemp(pattern);
    state.emplace(store::State::open(folder / "state.sqlite").value());
    Rng random(1);
    std::vector<CustomerContact> contacts;
    std::vector<privacy::ConsentChange> changes;
    for (std::int64_t i = 1; i <= n; ++i) {
      customers.push_back({i});
      changes.push_back({{i}, privacy::Purpose::email, random.chance(.9), {i}, {i}});
      for (std::int64_t k = 0; k < kContactsEach; ++k) {
        const auto ago = static_cast<std::int64_t>(random.below(60 * kMicrosPerDay));
        contacts.push_back({{i}, {{now.micros - ago}, 5, decide::Channel::email}});
      }
    }
    (void)privacy::ConsentLedger::open(*state)->apply(changes);
    (void)ContactStore::open(*state)->record(contacts);
  }
  ~Shop() {
    state.reset();
    std::filesystem::remove_all(folder);
  }

  static Shop& of(std::int64_t n) {
    static std::map<std::int64_t, std::unique_ptr<Shop>> shops;
    auto& shop = shops[n];
    if (!shop) shop = std::make_unique<Shop>(n);
    return *shop;
  }
};

decide::CampaignPlan plan_at(Timestamp now) {
  Campaign campaign;
  campaign.name = "bench";
  campaign.segment = "all";
  campaign.schedule = {{now.micros - 1}, {now.micros + kMicrosPerDay}, Repeat::once, 0};
  campaign.currency = Currency::parse("EUR").value();
  campaign.treatments = {{"a", .5, 1, "x", "", 1}, {"b", .5, 2, "y", "", 1}};
  campaign.holdout = {.1, "bench", ""};
  campaign.caps = {{decide::CapScope::campaign, decide::CapPeriod::month, 4},
                   {decide::CapScope::all, decide::CapPeriod::week, 2}};
  campaign.quiet_hours = decide::QuietHours{};
  return plan_of(campaign, 7, 1, TimeZone::utc()).value();
}

void load_consent(Shop& shop, std::vector<privacy::Consent>& consent) {
  auto ledger = privacy::ConsentLedger::open(*shop.state).value();
  consent.assign(shop.customers.size(), privacy::Consent::unknown);
  (void)ledger.for_each(privacy::Purpose::email,
                        [&](CustomerNumber customer, privacy::Consent one) {
                          consent[static_cast<std::size_t>(customer.value - 1)] = one;
                          return Status();
                        });
}

void contacts_of_all(benchmark::State& run) {
  Shop& shop = Shop::of(run.range(0));
  auto store = ContactStore::open(*shop.state).value();
  ContactColumns columns;
  for (auto _ : run)
    (void)store.load(shop.customers, {shop.now.micros - 31 * kMicrosPerDay}, columns);
  if (columns.offsets.size() != shop.customers.size() + 1)
    run.SkipWithError("contacts are missing");
}
BENCHMARK(contacts_of_all)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

void consent_of_all(benchmark::State& run) {
  Shop& shop = Shop::of(run.range(0));
  std::vector<privacy::Consent> consent;
  for (auto _ : run) load_consent(shop, consent);
  if (consent.back() == privacy::Consent::unknown) run.SkipWithError("consent is missing");
}
BENCHMARK(consent_of_all)->Arg(10'000)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// The gates and the policy, columns at hand; `json`: with every decision as JSON.
void decide_all(benchmark::State& run, bool json) {
  Shop& shop = Shop::of(run.range(0));
  const std::size_t n = shop.customers.size();
  const decide::CampaignPlan plan = plan_at(shop.now);
  ContactColumns columns;
  (void)ContactStore::open(*shop.state)
      ->load(shop.customers, {shop.now.micros - 31 * kMicrosPerDay}, columns);
  std::vector<privacy::Consent> consent;
  load_consent(shop, consent);
  const std::vector<std::uint8_t> suppressed(n);
  const std::vector<decide::Eligibility> eligibility(n);
  const decide::CampaignInputs inputs{.customers = shop.customers,
                                      .consent = consent,
                                      .modes = {},
                                      .suppressed = suppressed,
                                      .eligibility = eligibility,
                                      .contact_offsets = columns.offsets,
                                      .contacts = columns.contacts,
                                      .zones = {},
                                      .zone_list = {},
                                      .scores = {},
                                      .budget = {.money_minor = 1'000'000'000, .messages = {}},
                                      .run_seed = 3,
                                      .now = shop.now};
  decide::CampaignOutcomes outcomes;
  decide::CampaignDecision decision;
  decide::CampaignDecisionWriter writer;
  std::string text;
  for (auto _ : run) {
    (void)decide::decide_campaign(plan, inputs, outcomes);
    if (!json) continue;
    text.clear();
    for (std::size_t i = 0; i < n; ++i) {
      decide::describe(plan, inputs, outcomes, i, decision);
      if (text.size() > (16u << 20)) text.clear();
      writer.append(decision, text);
    }
  }
  if (outcomes.counts.customers() != run.range(0) || outcomes.counts.passed() == 0)
    run.SkipWithError("not everybody was decided");
  run.counters["sent"] = static_cast<double>(outcomes.counts.passed());
}
BENCHMARK_CAPTURE(decide_all, gates, false)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decide_all, with_json, true)
    ->Arg(10'000)
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace attune::engage
