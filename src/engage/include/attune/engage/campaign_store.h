// Campaigns and their lives, in state. Answers: which campaigns are there, what state is each in,
// what did it say when, and who changed it?
//
//   draft ──► scheduled ──► running ◄──► paused
//     ▲           │            │            │
//     └───────────┘            └──► done ◄──┘     (draft and scheduled too: given up)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/engage/campaign.h"
#include "attune/store/state.h"

namespace attune::engage {

enum class CampaignState : std::uint8_t { draft, scheduled, running, paused, done };
inline constexpr int kCampaignStateCount = 5;
std::span<const std::string> campaign_state_names();
std::string_view name(CampaignState state);
bool may_become(CampaignState from, CampaignState to);

struct StoredCampaign {
  std::uint32_t number = 0;  // above 0, never given again
  int version = 1;           // rises with every change
  CampaignState state = CampaignState::draft;
  Timestamp created;
  Timestamp changed;
  std::optional<Timestamp> last_run;
  Campaign campaign;
  friend bool operator==(const StoredCampaign&, const StoredCampaign&) = default;
};

// One line of a campaign's history.
struct CampaignChange {
  Timestamp time;
  int version = 1;
  CampaignState from = CampaignState::draft;
  CampaignState to = CampaignState::draft;  // the same: what it says was changed
  std::string by;                           // who; may be empty
  std::string note;                         // "created", "changed: schedule, caps", "time came"
  friend bool operator==(const CampaignChange&, const CampaignChange&) = default;
};

// Tables campaigns, campaign_versions and campaign_changes of state, with migrations of their own.
// Invariants: (1) a campaign is stored as its JSON, and every version that ever held stays; (2)
// transitions are those of may_become; (3) every call that changes is one transaction, or joins the
// caller's. Personal data: none, but the names in `by`.
// Errors of every member: those of State; not_found that names the nearest campaign.
// Threads: as State, which outlives the store.
class CampaignStore {
 public:
  static Result<CampaignStore> open(store::State& state);

  // A new draft, version 1. Errors: already_exists; those of validate.
  Result<StoredCampaign> create(const Campaign& campaign, Timestamp now, std::string_view by);

  // Replaces what the campaign of this name says, as a new version; nothing new makes none.
  // While running or paused these stay as they are, so that its groups and its measure do: name,
  // holdout (share, key, salt), channel, purpose, currency, outcome, the start, names of
  // treatments, policy top or shares. A draft or scheduled one may change all but its name.
  // Errors: failed_precondition that names the fields, or for one that is done; those of validate.
  Result<StoredCampaign> change(const Campaign& campaign, Timestamp now, std::string_view by);

  // Errors: failed_precondition that names the states it could go to. Going where it is changes
  // nothing.
  Result<StoredCampaign> transition(std::string_view name, CampaignState to, Timestamp now,
                                    std::string_view by);

  // What the clock asks for: scheduled ones whose start has come run, running and paused ones
  // whose end has come are done; of those whose end came before they ran, too. A clock that goes
  // back undoes nothing. Result: those that changed, by name.
  Result<std::vector<StoredCampaign>> advance(Timestamp now);

  // Running campaigns with a run due: those whose next_run after last_run (or from their start on)
  // is not after `now`. Runs that were missed are made up for by one.
  Result<std::vector<StoredCampaign>> due(Timestamp now, const TimeZone& shop_zone);
  // To be called in the transaction that holds the run's decisions. `at` only rises.
  Status note_run(std::string_view name, Timestamp at);

  Result<StoredCampaign> find(std::string_view name);
  Result<std::vector<StoredCampaign>> list();  // by name
  // As it was. Errors: not_found.
  Result<Campaign> version(std::string_view name, int version);
  Result<std::vector<CampaignChange>> history(std::string_view name);  // oldest first

 private:
  explicit CampaignStore(store::State& state) : state_(&state) {}
  Result<StoredCampaign> write_state(const StoredCampaign& was, CampaignState to, Timestamp now,
                                     std::string_view by, std::string_view note);

  store::State* state_;
};

}  // namespace attune::engage
