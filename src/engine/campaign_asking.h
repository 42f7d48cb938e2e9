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

struct AskingOptions {
  std::optional<Person> only;  // this one alone; absent: everybody
  // These alone, ascending, as far as they are still numbers of their own; absent: everybody.
  std::optional<std::vector<CustomerNumber>> among;
  bool will_write = false;  // ids are needed of everybody, and traits of who gets a webhook
  // Lets everybody pass a gate: for the tests that show what each keeps away. Nothing else does.
  std::optional<decide::Gate> without;
};

// Reads customers in order of number, keeps those of the audience with everything that the gates
// ask, and decides about them. Lifetime: workspace and customers outlive it. What is the same for
// all (consents, suppressions, templates) is read by `open`. Nothing is unsealed that no gate asks
// for, and nothing of those who did not consent.
class CampaignAsking {
 public:
  static Result<CampaignAsking> open(Workspace& workspace, Customers& customers,
                                     const engage::StoredCampaign& campaign, Timestamp now,
                                     AskingOptions options = {});

  // The next customers after `after`, at most `limit`, replace those of before. Result: the last
  // one looked at; 0 where there was none.
  Result<CustomerNumber> read(CustomerNumber after, std::int64_t limit);
  Status decide(const decide::BudgetLeft& left, std::uint64_t seed);

  std::int64_t looked_at() const { return looked_at_; }  // by the last read
  std::size_t size() const { return numbers_.size(); }
  const decide::CampaignPlan& plan() const { return *plan_; }
  const decide::CampaignInputs& inputs() const { return inputs_; }
  const decide::CampaignOutcomes& outcomes() const { return outcomes_; }
  // Complete where options.will_write was set.
  const CalledCustomer& called(std::size_t i) const { return called_[i]; }
  std::int64_t everybody() const { return static_cast<std::int64_t>(people_.size()); }
  const CustomerCard& card(std::size_t i) const { return cards_[i]; }
  const engage::StoredCampaign& campaign() const { return campaign_; }
  const std::map<std::string, LackingField>& lacking() const { return lacking_; }

 private:
  CampaignAsking(Workspace& workspace, Customers& customers)
      : workspace_(&workspace), customers_(&customers) {}
  Status read_templates();
  Status read_consents();
  Status read_suppressions();
  void add(const profiles::Profile& profile, events::IdKind kind);
  Status read_cards();
  Status read_labels();
  Status fill();
  Status fill_one(std::size_t i);
  bool allowed(std::size_t i) const {
    return options_.without == decide::Gate::consent || privacy::allows(consent_[i], modes_[i]);
  }
  // Of those who allow it, or of whom their region has to be known first.
  bool needs_card(std::size_t i) const;
  Result<bool> has_fields(std::size_t i);
  Result<std::uint16_t> zone_index(const std::string& name);
  bool in_audience(const profiles::Profile& profile) const;
  void clear();

  void take_out(decide::Gate gate);

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
  int chunks_read_ = 0;
  std::optional<events::SealedLabels> labels_;  // where more than a chunk's are needed
  std::vector<std::pair<CustomerNumber, privacy::Consent>> consents_;  // ascending
  std::unique_ptr<privacy::SuppressionSet> suppressions_;              // of everybody
  std::unique_ptr<privacy::SuppressionList> suppressed_one_;           // of one
  SuppressionQuery suppression_query_;
  std::map<std::string, LackingField> needed_;  // by content, part and field
  std::map<std::string, LackingField> lacking_;

  // The chunk.
  std::int64_t looked_at_ = 0;
  std::vector<CustomerNumber> numbers_;
  std::vector<privacy::Consent> consent_;
  std::vector<privacy::ConsentMode> modes_;
  std::vector<std::uint8_t> suppressed_;
  std::vector<decide::Eligibility> eligibility_;
  engage::ContactColumns contacts_;
  std::vector<std::uint16_t> zones_;
  std::vector<TimeZone> zone_list_;
  std::map<std::string, std::uint16_t> zone_by_name_;
  std::vector<double> scores_;
  std::vector<CalledCustomer> called_;
  std::vector<CustomerCard> cards_;
  decide::CampaignInputs inputs_;
  decide::CampaignOutcomes outcomes_;
};

}  // namespace attune::engine
