#include "attune/privacy/consent.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <simdjson.h>

#include "attune/base/text.h"

namespace attune::privacy {
namespace {

// `origin` is the number under which a change arrived; `customer` is whom it belongs to now.
constexpr store::Migration kConsentMigrations[] = {{1, R"sql(
CREATE TABLE consent(
  customer INTEGER NOT NULL, purpose INTEGER NOT NULL, origin INTEGER NOT NULL,
  given INTEGER NOT NULL, time INTEGER NOT NULL, sequence INTEGER NOT NULL,
  PRIMARY KEY(customer, purpose, origin)) WITHOUT ROWID;
CREATE INDEX consent_by_origin ON consent(origin);
CREATE TABLE consent_changes(
  sequence INTEGER NOT NULL, purpose INTEGER NOT NULL, customer INTEGER NOT NULL,
  origin INTEGER NOT NULL, given INTEGER NOT NULL, time INTEGER NOT NULL,
  PRIMARY KEY(sequence, purpose)) WITHOUT ROWID;
CREATE INDEX consent_changes_by_customer ON consent_changes(customer);
CREATE INDEX consent_changes_by_origin ON consent_changes(origin);
)sql"},
                                                   {2, R"sql(
ALTER TABLE consent_changes ADD COLUMN source TEXT NOT NULL DEFAULT '';
ALTER TABLE consent_changes ADD COLUMN wording TEXT NOT NULL DEFAULT '';
ALTER TABLE consent_changes ADD COLUMN proof TEXT NOT NULL DEFAULT '';
)sql"}};

constexpr std::string_view kInsertChange =
    "INSERT OR IGNORE INTO consent_changes(sequence, purpose, customer, origin, given, time, "
    "source, wording, proof) VALUES(?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8)";
// The later of what is held and what comes, per number of arrival.
constexpr std::string_view kKeepLatest =
    " ON CONFLICT DO UPDATE SET given = excluded.given, time = excluded.time, "
    "sequence = excluded.sequence WHERE (excluded.time, excluded.sequence) > (time, sequence)";
constexpr std::string_view kInsertConsent =
    "INSERT INTO consent(customer, purpose, origin, given, time, sequence) "
    "VALUES(?1, ?2, ?1, ?3, ?4, ?5)";
constexpr std::string_view kFind =
    "SELECT given FROM consent WHERE customer = ?1 AND purpose = ?2 "
    "ORDER BY time DESC, given, sequence DESC LIMIT 1";
constexpr std::string_view kForEach =
    "SELECT customer, given, time, sequence FROM consent WHERE purpose = ?1 ORDER BY customer";

Consent consent_of(std::int64_t given) { return given != 0 ? Consent::given : Consent::withdrawn; }

// A transaction of the ledger's own, unless the caller has one open.
Result<std::optional<store::Transaction>> begin(store::State& state) {
  std::optional<store::Transaction> own;
  if (!state.in_transaction()) {
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction started, state.begin());
    own.emplace(std::move(started));
  }
  return own;
}
Status commit(std::optional<store::Transaction>& own) { return own ? own->commit() : Status(); }

Status check(const ConsentChange& change) {
  if (change.customer && change.sequence) return {};
  return std::unexpected(invalid_argument(
      fmt::format("a change of consent for {} needs a customer and a sequence number, and has "
                  "customer {} and sequence number {}",
                  name(change.purpose), change.customer.value, change.sequence.value)));
}

// At most kEvidenceBytes of it, whole characters.
std::string_view shortened(std::string_view text) {
  if (text.size() <= kEvidenceBytes) return text;
  std::size_t end = kEvidenceBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

Error not_readable(std::string_view why) {
  return invalid_argument(fmt::format(
      "the properties of a consent event {}; say {{\"purpose\": \"email\"}} or {{\"purpose\": "
      "[\"email\", \"ads\"]}}",
      why));
}

Status add_purpose(simdjson::dom::element value, std::set<Purpose>& purposes) {
  std::string_view text;
  if (value.get(text)) return std::unexpected(not_readable("name a purpose that is no text"));
  ATTUNE_ASSIGN_OR_RETURN(const Purpose purpose, parse_purpose(text));
  purposes.insert(purpose);
  return {};
}

Status add_purposes(simdjson::dom::element value, std::set<Purpose>& purposes) {
  simdjson::dom::array list;
  if (value.get(list)) return add_purpose(value, purposes);
  for (const simdjson::dom::element one : list) {
    ATTUNE_RETURN_IF_ERROR(add_purpose(one, purposes));
  }
  if (purposes.empty()) return std::unexpected(not_readable("name no purpose"));
  return {};
}

}  // namespace

std::span<const std::string> purpose_names() {
  static const std::vector<std::string> names{
      "analytics", "personalisation", "email", "sms", "push", "ads", "sharing"};
  return names;
}

std::string_view name(Purpose purpose) {
  return purpose_names()[static_cast<std::size_t>(purpose)];
}

Result<Purpose> parse_purpose(std::string_view text) {
  const std::span<const std::string> names = purpose_names();
  const std::string wanted = ascii_lower(trim(text));
  const auto found = std::ranges::find(names, wanted);
  if (found != names.end()) return static_cast<Purpose>(found - names.begin());
  return std::unexpected(
      invalid_argument(fmt::format("'{}' is not a purpose of consent; there are {}{}", quoted(text),
                                   fmt::join(names, ", "), did_you_mean(wanted, names))));
}

std::string_view name(Consent consent) {
  switch (consent) {
    case Consent::given:
      return "given";
    case Consent::withdrawn:
      return "withdrawn";
    case Consent::unknown:
      break;
  }
  return "unknown";
}

namespace {

// Empty where none is stated.
Result<std::set<Purpose>> stated_purposes(std::string_view properties_json) {
  std::set<Purpose> purposes;
  bool stated = false;
  if (!trim(properties_json).empty()) {
    simdjson::dom::parser parser;
    simdjson::dom::object properties;
    if (parser.parse(properties_json.data(), properties_json.size(), true).get(properties)) {
      return std::unexpected(not_readable("are no JSON object"));
    }
    for (const simdjson::dom::key_value_pair member : properties) {
      if (member.key != "purpose") continue;
      if (std::exchange(stated, true)) {
        return std::unexpected(not_readable("state \"purpose\" twice"));
      }
      if (!member.value.is_null()) ATTUNE_RETURN_IF_ERROR(add_purposes(member.value, purposes));
    }
  }
  return purposes;
}

}  // namespace

Result<std::vector<Purpose>> purposes_of(std::string_view properties_json) {
  ATTUNE_ASSIGN_OR_RETURN(std::set<Purpose> purposes, stated_purposes(properties_json));
  if (purposes.empty()) purposes.insert(Purpose::personalisation);
  return std::vector<Purpose>(purposes.begin(), purposes.end());
}

std::vector<Purpose> withdrawn_purposes(std::string_view properties_json) {
  auto purposes = stated_purposes(properties_json);
  if (purposes && !purposes->empty()) return {purposes->begin(), purposes->end()};
  std::vector<Purpose> all;
  for (int i = 0; i < kPurposeCount; ++i) all.push_back(static_cast<Purpose>(i));
  return all;
}

Result<ConsentEvidence> evidence_of(std::string_view properties_json) {
  ConsentEvidence evidence;
  if (trim(properties_json).empty()) return evidence;
  simdjson::dom::parser parser;
  simdjson::dom::object properties;
  if (parser.parse(properties_json.data(), properties_json.size(), true).get(properties))
    return std::unexpected(not_readable("are no JSON object"));
  const auto read = [&properties](std::string_view key, std::string& into) {
    std::string_view text;
    if (!properties[key].get(text)) into = shortened(text);
  };
  read("source", evidence.source);
  read("wording", evidence.wording);
  read("proof", evidence.proof);
  return evidence;
}

Result<ConsentLedger> ConsentLedger::open(store::State& state) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("consent", kConsentMigrations));
  return ConsentLedger(state);
}

Status ConsentLedger::apply(std::span<const ConsentChange> changes) {
  for (const ConsentChange& change : changes) ATTUNE_RETURN_IF_ERROR(check(change));
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  static const std::string insert_consent = std::string(kInsertConsent) + std::string(kKeepLatest);
  for (const ConsentChange& c : changes) {
    const auto purpose = static_cast<std::int64_t>(c.purpose);
    ATTUNE_RETURN_IF_ERROR(state_->run(kInsertChange, c.sequence, purpose, c.customer,
                                       c.given ? 1 : 0, c.time, shortened(c.evidence.source),
                                       shortened(c.evidence.wording), shortened(c.evidence.proof)));
    if (state_->changed_rows() == 0) continue;
    ATTUNE_RETURN_IF_ERROR(
        state_->run(insert_consent, c.customer, purpose, c.given ? 1 : 0, c.time, c.sequence));
  }
  return commit(own);
}

Result<Consent> ConsentLedger::find(CustomerNumber customer, Purpose purpose) {
  ATTUNE_ASSIGN_OR_RETURN(const auto given,
                          state_->find_int64(kFind, customer, static_cast<std::int64_t>(purpose)));
  return given ? consent_of(*given) : Consent::unknown;
}

// In the order of the key, so that nothing is sorted: of a customer's words the last is kept, and
// of those of one moment the withdrawal.
Status ConsentLedger::for_each(Purpose purpose, const Visitor& visit) {
  struct Word {
    CustomerNumber customer;
    std::int64_t time = 0, given = 0, sequence = 0;
    bool before(const Word& other) const {
      return std::tuple(time, other.given, sequence) <
             std::tuple(other.time, given, other.sequence);
    }
  };
  ATTUNE_ASSIGN_OR_RETURN(store::Statement rows, state_->prepare(kForEach));
  rows.bind(1, static_cast<std::int64_t>(purpose));
  std::optional<Word> last;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) break;
    const Word word{CustomerNumber{rows.int64(0)}, rows.int64(2), rows.int64(1), rows.int64(3)};
    if (last && last->customer == word.customer && !last->before(word)) continue;
    if (last && last->customer != word.customer)
      ATTUNE_RETURN_IF_ERROR(visit(last->customer, consent_of(last->given)));
    last = word;
  }
  return last ? visit(last->customer, consent_of(last->given)) : Status();
}

Result<std::vector<ConsentChange>> ConsentLedger::changes(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare("SELECT origin, purpose, given, time, sequence, source, wording, proof "
                      "FROM consent_changes WHERE customer = ?1 ORDER BY time, sequence, purpose"));
  rows.bind(1, customer);
  std::vector<ConsentChange> all;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return all;
    if (rows.int64(1) < 0 || rows.int64(1) >= kPurposeCount) {
      return std::unexpected(data_corruption(fmt::format(
          "table consent_changes of {} names purpose {} under sequence number {}; restore a backup",
          state_->path().string(), rows.int64(1), rows.int64(4))));
    }
    all.push_back(
        {CustomerNumber{rows.int64(0)},
         static_cast<Purpose>(rows.int64(1)),
         rows.int64(2) != 0,
         rows.time(3),
         Sequence{rows.int64(4)},
         {std::string(rows.text(5)), std::string(rows.text(6)), std::string(rows.text(7))}});
  }
}

Status ConsentLedger::merge(CustomerNumber from, CustomerNumber into) {
  if (from == into) return {};
  return move_rows("customer = ?1", from, into);
}

Status ConsentLedger::separate(CustomerNumber customer) {
  return move_rows("origin = ?1 AND customer <> ?2", customer, customer);
}

// Gives the rows of `from` that `which` selects to `into`.
Status ConsentLedger::move_rows(std::string_view which, CustomerNumber from, CustomerNumber into) {
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  ATTUNE_RETURN_IF_ERROR(state_->run(
      fmt::format("INSERT INTO consent(customer, purpose, origin, given, time, sequence) "
                  "SELECT ?2, purpose, origin, given, time, sequence FROM consent WHERE {}{}",
                  which, kKeepLatest),
      from, into));
  ATTUNE_RETURN_IF_ERROR(state_->run(
      fmt::format("DELETE FROM consent WHERE {} AND customer <> ?2", which), from, into));
  ATTUNE_RETURN_IF_ERROR(state_->run(
      fmt::format("UPDATE consent_changes SET customer = ?2 WHERE {}", which), from, into));
  return commit(own);
}

Status ConsentLedger::forget(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM consent WHERE customer = ?1", customer));
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM consent_changes WHERE customer = ?1", customer));
  return commit(own);
}

}  // namespace attune::privacy
