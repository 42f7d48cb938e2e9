// Inside the engine: what decide's gates ask of a campaign's customers, put together a chunk at a
// time. Answers: who is in the audience, and what is known of them?
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attune/decide/campaign_gates.h"
#include "attune/deliver/fields.h"
#include "attune/deliver/template.h"
#include "attune/engage/campaign_store.h"
#include "attune/engage/contact_store.h"
#include "attune/engage/treatment_scores.h"
#include "attune/engine/customers.h"
#include "attune/engine/workspace.h"
#include "attune/privacy/consent_rules.h"
#include "attune/privacy/suppression.h"

namespace attune::engine {

// The shop's words for rules: profile fields and the saved segments.
Result<rules::Schema> campaign_schema(const Workspace& workspace, Customers& customers);

// What a shop knows of a customer that a message needs.
struct CustomerCard {
  deliver::Fields fields;  // every trait by its name
  std::string email;       // as it goes on the wire; empty: none, or none that is an address
  std::string time_zone;   // of the trait time_zone; empty: not told
  std::string region;      // of the trait that [consent] names; empty: not told
};
CustomerCard card_of(const std::vector<events::Trait>& traits, std::string_view region_trait);
Result<CustomerCard> read_card(Workspace& workspace, CustomerNumber customer);

// The id by which the shop knows a customer.
struct CalledCustomer {
  events::IdKind kind = events::IdKind::customer;
  std::string id;
};

// Everybody that has an id, by their own number (of merged ones the root's). Costs no unsealing.
struct Person {
  CustomerNumber number;
  events::IdKind kind = events::IdKind::customer;  // of the id that label gives
};
Result<std::vector<Person>> everybody_of(Workspace& workspace);  // ascending
// The same of labels that were read already.
Result<std::vector<Person>> everybody_of(Workspace& workspace, const events::SealedLabels& labels);

// Whether the suppression list holds the customer, by id or by address.
struct SuppressionQuery {
  const store::Vault* vault = nullptr;
  const privacy::SuppressionSet* set = nullptr;  // for many; else `list`
  privacy::SuppressionList* list = nullptr;
  bool nobody() const { return set != nullptr && set->size() == 0; }
  Result<bool> holds(const std::string& id, const std::string& email) const;
};

// A field that a template needs and some customers lack.
struct LackingField {
  std::string content;
  deliver::FieldUse use;
  std::string part;
  std::int64_t customers = 0;
  std::string example;
};

// Some customers of the audience, with everything that the gates ask of them, and what came out.
// Memory is used again by the next read into it.
struct CampaignChunk {
  CustomerNumber last;         // that was looked at; 0: there was nobody left
  bool at_end = true;          // nobody comes after
  std::int64_t looked_at = 0;  // customers, those outside of the audience too
  std::vector<CustomerNumber> numbers;
  std::vector<privacy::Consent> consent;
  std::vector<privacy::ConsentMode> modes;
  std::vector<std::uint8_t> suppressed;
  std::vector<decide::Eligibility> eligibility;
  engage::ContactColumns contacts;
  std::vector<std::uint16_t> zones;
  std::vector<double> scores;
  std::vector<CalledCustomer> called;  // complete where options.will_write was set
  std::vector<CustomerCard> cards;     // empty for whom nobody asked
  decide::CampaignInputs inputs;       // of `decide`; points into these and into the asking
  decide::CampaignOutcomes outcomes;

  std::size_t size() const { return numbers.size(); }
  void clear();
};

struct AskingOptions {
  std::optional<Person> only;  // this one alone; absent: everybody
  // These alone, ascending, as far as they are still numbers of their own; absent: everybody.
  std::optional<std::vector<CustomerNumber>> among;
  // Ids are needed of everybody, and traits of who gets a webhook or stands in a list.
  bool will_write = false;
  // Lets everybody pass a gate: for the tests that show what each keeps away. Nothing else does.
  std::optional<decide::Gate> without;
};

// Reads customers in order of number, keeps those of the audience with everything that the gates
// ask, and decides about them. Threads: one chunk may be read while another, decided before, is
// looked at. Lifetime: workspace and customers outlive it. What is the same for
// all (consents, suppressions, templates) is read by `open`. Nothing is unsealed that no gate asks
// for, and nothing of those who did not consent.
class CampaignAsking {
 public:
  static Result<CampaignAsking> open(Workspace& workspace, Customers& customers,
                                     const engage::StoredCampaign& campaign, Timestamp now,
                                     AskingOptions options = {});

  // The next customers after `after`, at most `limit`, replace those of the chunk.
  Status read(CustomerNumber after, std::int64_t limit, CampaignChunk& into);
  Status decide(const decide::BudgetLeft& left, std::uint64_t seed, CampaignChunk& chunk);

  const decide::CampaignPlan& plan() const { return *plan_; }
  std::int64_t everybody() const { return static_cast<std::int64_t>(people_.size()); }
  const engage::StoredCampaign& campaign() const { return campaign_; }
  const std::map<std::string, LackingField>& lacking() const { return lacking_; }

 private:
  CampaignAsking(Workspace& workspace, Customers& customers)
      : workspace_(&workspace), customers_(&customers) {}
  Status read_templates();
  Status read_consents();
  Status read_people();
  Status read_suppressions();
  void add(const Person& person, std::span<const double> scores, CampaignChunk& into) const;
  Status read_cards(CampaignChunk& chunk);
  Status read_labels(CampaignChunk& chunk);
  Result<std::vector<events::Identity::Label>> labels_of(std::span<const CustomerNumber> customers);
  Status fill(CampaignChunk& chunk);
  Status fill_one(CampaignChunk& chunk, std::size_t i);
  bool allowed(const CampaignChunk& chunk, std::size_t i) const {
    return options_.without == decide::Gate::consent ||
           privacy::allows(chunk.consent[i], chunk.modes[i]);
  }
  // Of those who allow it, or of whom their region has to be known first.
  bool needs_card(const CampaignChunk& chunk, std::size_t i) const;
  Result<bool> has_fields(const CampaignChunk& chunk, std::size_t i);
  Result<std::uint16_t> zone_index(const std::string& name);
  bool in_audience(const profiles::Profile& profile) const;
  void take_out(decide::Gate gate);
  void take_out(decide::Gate gate, CampaignChunk& chunk) const;

  Workspace* workspace_;
  Customers* customers_;
  AskingOptions options_;
  engage::StoredCampaign campaign_;
  Timestamp now_;
  std::optional<decide::CampaignPlan> plan_;
  std::optional<profiles::ProfileRule> rule_;
  std::optional<engage::TreatmentScorer> scorer_;
  std::optional<engage::ContactStore> contacts_store_;
  privacy::ConsentMode mode_ = privacy::ConsentMode::opt_in;  // where no region tells otherwise
  bool by_region_ = false;
  std::vector<Person> people_;
  std::optional<events::SealedLabels> labels_;  // where everybody's are needed
  std::vector<std::pair<CustomerNumber, privacy::Consent>> consents_;  // ascending
  std::unique_ptr<privacy::SuppressionSet> suppressions_;              // of everybody
  std::unique_ptr<privacy::SuppressionList> suppressed_one_;           // of one
  SuppressionQuery suppression_query_;
  std::map<std::string, LackingField> needed_;  // by content, part and field
  std::map<std::string, LackingField> lacking_;
  std::vector<TimeZone> zone_list_;  // of all chunks; never moves
  std::map<std::string, std::uint16_t> zone_by_name_;
};

}  // namespace attune::engine
