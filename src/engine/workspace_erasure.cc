// Forgetting: how one entry of the journal destroys what every store holds of a customer.
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/deliver/outbox.h"
#include "attune/engage/contact_store.h"
#include "attune/engine/models.h"
#include "attune/events/quality.h"
#include "attune/ledger/budget_ledger.h"
#include "attune/profiles/profile_store.h"
#include "attune/profiles/segment_store.h"
#include "campaign_lists.h"
#include "forgotten_text.h"
#include "pending_events.h"
#include "profile_folding.h"
#include "workspace_impl.h"

namespace attune::engine {
namespace {

namespace json = boost::json;
using events::IdKey;
using events::IdKind;

constexpr std::string_view kNoReceipt =
    "'{}' was forgotten before, in another life of this folder: there is no receipt of it here";

// An entry names who is to be forgotten by a keyed hash, so that the journal holds no id for it.
std::string serialise(const IdKey& id) {
  return json::serialize(json::object{{"kind", static_cast<int>(id.kind)},
                                      {"high", id.fingerprint.high},
                                      {"low", id.fingerprint.low}});
}

Error nobody_named() {
  return data_corruption("a journal entry that should name who is to be forgotten does not");
}

Result<IdKey> parse_key(std::string_view text) {
  try {
    const json::value value = json::parse(text);
    IdKey id;
    const auto kind = value.at("kind").to_number<int>();
    id.kind = kind == 0 ? IdKind::customer : IdKind::anonymous;
    id.fingerprint.high = value.at("high").to_number<std::uint64_t>();
    id.fingerprint.low = value.at("low").to_number<std::uint64_t>();
    if (kind == 0 || kind == 1) return id;
    return std::unexpected(nobody_named());
  } catch (const std::exception&) {
    return std::unexpected(nobody_named());
  }
}

}  // namespace

std::string to_json(const ErasureReceipt& receipt) {
  json::array holders;
  for (const ErasureReceipt::Holder& holder : receipt.holders)
    holders.push_back(json::object{{"holder", holder.name}, {"touched", holder.touched}});
  return json::serialize(
      json::object{{"number", receipt.number.value},
                   {"forgotten_at", format_iso(receipt.time)},
                   {"identifiers", receipt.identifiers},
                   {"holders", std::move(holders)},
                   {"journal_files_deleted_by", format_iso(receipt.journal_until)}});
}

Result<ErasureReceipt> parse_receipt(std::string_view text) {
  const Error broken = data_corruption("a receipt of forgetting cannot be read");
  try {
    const json::value value = json::parse(text);
    ErasureReceipt receipt;
    receipt.number = Sequence{value.at("number").to_number<std::int64_t>()};
    receipt.identifiers = value.at("identifiers").to_number<std::int64_t>();
    for (const json::value& holder : value.at("holders").as_array()) {
      receipt.holders.push_back({std::string(holder.at("holder").as_string()),
                                 holder.at("touched").to_number<std::int64_t>()});
    }
    const auto time = parse_iso(std::string_view(value.at("forgotten_at").as_string()));
    const auto until =
        parse_iso(std::string_view(value.at("journal_files_deleted_by").as_string()));
    if (!time || !until) return std::unexpected(broken);
    receipt.time = utc_from_civil(time->civil);
    receipt.journal_until = utc_from_civil(until->civil);
    return receipt;
  } catch (const std::exception&) {
    return std::unexpected(broken);
  }
}

// One customer, out of every store. Everything that cannot be part of state's transaction comes
// before it and may be done twice: a crash on the way is mended by applying the entry again.
class Eraser {
 public:
  Eraser(Workspace::Impl& workspace, const store::JournalRecord& record)
      : self_(workspace), record_(record) {
    receipt_.number = record.first;
    receipt_.time = record.recorded_at;
    const std::int64_t days = std::int64_t{workspace.folder.settings().keep_days} + 1;
    receipt_.journal_until = Timestamp{record.recorded_at.micros + days * kMicrosPerDay};
  }

  Status run() {
    ATTUNE_ASSIGN_OR_RETURN(asked_, parse_key(record_.payload));
    ATTUNE_RETURN_IF_ERROR(find_family());
    receipt_.identifiers = static_cast<std::int64_t>(family_.ids.size());
    ATTUNE_RETURN_IF_ERROR(suppress());
    ATTUNE_RETURN_IF_ERROR(self_.vault.destroy(family_.numbers));
    note("keys", static_cast<std::int64_t>(family_.numbers.size()));
    ATTUNE_RETURN_IF_ERROR(clear_history());
    ATTUNE_RETURN_IF_ERROR(clear_models());
    ATTUNE_RETURN_IF_ERROR(clean_quarantine());
    ATTUNE_RETURN_IF_ERROR(clean_lists());
    return clear_state();
  }

 private:
  void note(std::string name, std::int64_t touched) {
    receipt_.holders.push_back({std::move(name), touched});
  }

  void take_in(const events::Identity::Family& more) {
    for (const CustomerNumber number : more.numbers) {
      if (std::ranges::find(family_.numbers, number) == family_.numbers.end())
        family_.numbers.push_back(number);
    }
    for (const events::Identity::Named& named : more.ids) {
      if (std::ranges::find(family_.ids, named.key, &events::Identity::Named::key) ==
          family_.ids.end())
        family_.ids.push_back(named);
    }
  }

  // Whoever was asked for; whatever string names them names nobody from now on, as an id of the
  // other kind, too, unless that is somebody else's.
  Status find_family() {
    std::vector<IdKey> keys{asked_};
    // A crash came between destroying keys, without which ids cannot be read, and the end; it may
    // have taken commits of state along, which does not know the numbers then.
    for (const privacy::ForgottenId& one : self_.suppressed->list()) {
      if (one.at == record_.first) keys.push_back(one.id);
    }
    for (const privacy::ForgottenNumber& one : self_.suppressed->numbers()) {
      if (one.at == record_.first) family_.numbers.push_back(one.customer);
    }
    for (const IdKey& key : keys) {
      ATTUNE_ASSIGN_OR_RETURN(const events::Identity::Family family, self_.identity->family(key));
      take_in(family);
    }
    ids_ = keys;
    const std::vector<events::Identity::Named> named_ones = family_.ids;
    for (const events::Identity::Named& named : named_ones) {
      ids_.push_back(named.key);
      if (named.id.empty()) continue;
      const IdKind other =
          named.key.kind == IdKind::customer ? IdKind::anonymous : IdKind::customer;
      const IdKey key{other, self_.identity->fingerprint(other, named.id)};
      ATTUNE_ASSIGN_OR_RETURN(const events::Identity::Family twin, self_.identity->family(key));
      const bool another = std::ranges::any_of(
          twin.ids, [&](const events::Identity::Named& one) { return one.id != named.id; });
      if (another) continue;
      ids_.push_back(key);
      take_in(twin);
    }
    return {};
  }

  Status suppress() { return self_.suppressed->add(record_.first, ids_, family_.numbers); }

  Status clear_history() {
    std::int64_t rows = 0;
    for (const CustomerNumber number : family_.numbers) {
      ATTUNE_ASSIGN_OR_RETURN(const std::int64_t touched, self_.event_history->forget(number));
      rows += touched;
    }
    note("history", rows);
    return {};
  }

  Status clear_models() {
    ATTUNE_ASSIGN_OR_RETURN(
        const auto rewritten,
        ModelRegistry(self_.folder.models()).forget(self_.suppressed->numbers()));
    for (const std::string& version : rewritten) note("model " + version, 1);
    return {};
  }

  ForgottenText finder() const {
    return {*self_.identity,
            [this](const IdKey& id) { return self_.suppressed->forgotten_at(id).has_value(); }};
  }

  Status clean_quarantine() {
    std::int64_t rows = 0;
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(self_.folder.imports(), ignored)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with("quarantine")) continue;
      ATTUNE_ASSIGN_OR_RETURN(const std::int64_t gone, finder().clean(entry.path()));
      rows += gone;
    }
    note("quarantine of imports", rows);
    return {};
  }

  // What a shop was given to send by hand.
  Status clean_lists() {
    std::int64_t rows = 0;
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(self_.folder.root() / kListsFolder, ignored)) {
      if (entry.path().extension() != ".csv") continue;
      ATTUNE_ASSIGN_OR_RETURN(const std::int64_t gone, finder().clean(entry.path()));
      rows += gone;
    }
    note("send lists", rows);
    return {};
  }

  // The five stores of state, with the cursor, in one transaction.
  Status clear_state() {
    ATTUNE_ASSIGN_OR_RETURN(
        profiles::ProfileStore stored,
        profiles::ProfileStore::open(self_.state, &self_.vault, profiles::FoldRules(), self_.zone));
    ATTUNE_ASSIGN_OR_RETURN(profiles::SegmentStore segments,
                            profiles::SegmentStore::open(self_.state));
    ATTUNE_ASSIGN_OR_RETURN(engage::ContactStore contacts, engage::ContactStore::open(self_.state));
    ATTUNE_ASSIGN_OR_RETURN(deliver::Outbox outbox,
                            deliver::Outbox::open(self_.state, self_.vault));
    ATTUNE_ASSIGN_OR_RETURN(auto ledger, ledger::BudgetLedger::open(self_.state));
    ATTUNE_RETURN_IF_ERROR(ProfileFolding::migrate(self_.state));
    {
      ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, self_.state.begin());
      const std::array<Erasable*, 5> holders{&stored, &segments, &contacts, &outbox,
                                             &*self_.identity};
      ATTUNE_RETURN_IF_ERROR(give_back(outbox, ledger));
      for (Erasable* holder : holders) ATTUNE_RETURN_IF_ERROR(clear(*holder));
      ATTUNE_RETURN_IF_ERROR(clear_consent());
      ATTUNE_RETURN_IF_ERROR(ProfileFolding::forget(self_.state, family_.numbers));
      ATTUNE_RETURN_IF_ERROR(clear_refused());
      ATTUNE_RETURN_IF_ERROR(clear_reports());
      ATTUNE_RETURN_IF_ERROR(keep_receipt());
      ATTUNE_RETURN_IF_ERROR(self_.state.set_cursor(kStateCursor, record_.last()));
      ATTUNE_RETURN_IF_ERROR(transaction.commit());
    }
    return self_.state.checkpoint();  // frames of the log hold pages as they were
  }

  // What their messages that wait would have cost.
  Status give_back(deliver::Outbox& outbox, ledger::BudgetLedger& ledger) {
    for (const CustomerNumber number : family_.numbers) {
      ATTUNE_ASSIGN_OR_RETURN(const std::vector<std::string> keys, outbox.waiting_for(number));
      for (const std::string& key : keys) {
        const auto given_back = ledger.release(key, self_.now());
        // A message that no campaign sent has no reservation.
        if (!given_back && given_back.error().code != ErrorCode::not_found)
          return std::unexpected(given_back.error());
      }
    }
    return {};
  }

  Status clear(Erasable& holder) {
    std::int64_t touched = 0;
    for (const CustomerNumber number : family_.numbers) {
      ATTUNE_ASSIGN_OR_RETURN(const std::int64_t rows, holder.forget(number));
      touched += rows;
    }
    note(holder.holder_name(), touched);
    return {};
  }

  Status clear_consent() {
    std::int64_t changes = 0;
    for (const CustomerNumber number : family_.numbers) {
      ATTUNE_ASSIGN_OR_RETURN(const auto known, self_.consent->changes(number));
      changes += static_cast<std::int64_t>(known.size());
      ATTUNE_RETURN_IF_ERROR(self_.consent->forget(number));
    }
    note("consent", changes);
    return {};
  }

  Status clear_refused() {
    std::vector<std::int64_t> found;
    {
      ATTUNE_ASSIGN_OR_RETURN(store::Statement rows,
                              self_.state.prepare("SELECT number, sealed FROM refused"));
      while (true) {
        ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
        if (!more) break;
        ATTUNE_ASSIGN_OR_RETURN(const std::string text,
                                self_.vault.open(CustomerNumber{0}, "refused", rows.blob(1)));
        ATTUNE_ASSIGN_OR_RETURN(const RefusedMessage message, RefusedMessage::parse(text));
        if (finder().names(message.raw) || finder().names(message.around))
          found.push_back(rows.int64(0));
      }
    }
    for (const std::int64_t number : found)
      ATTUNE_RETURN_IF_ERROR(self_.state.run("DELETE FROM refused WHERE number = ?1", number));
    note("refused messages", static_cast<std::int64_t>(found.size()));
    self_.refused_held.reset();
    ++self_.refused_applied;
    return {};
  }

  // Examples of odd rows, as they came.
  Status clear_reports() {
    std::vector<std::pair<std::int64_t, std::string>> changed;
    {
      ATTUNE_ASSIGN_OR_RETURN(
          store::Statement rows,
          self_.state.prepare("SELECT number, report FROM imports WHERE length(report) > 0"));
      while (true) {
        ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
        if (!more) break;
        ATTUNE_ASSIGN_OR_RETURN(const std::string text,
                                self_.vault.open(CustomerNumber{0}, "report", rows.blob(1)));
        ATTUNE_ASSIGN_OR_RETURN(events::QualityReport report,
                                events::QualityReport::from_json(text));
        bool named = false;
        for (auto& [code, reason] : report.reasons) {
          named |= std::erase_if(reason.examples, [&](const events::ReasonExample& example) {
                     return finder().names(example.text);
                   }) > 0;
        }
        if (named) changed.emplace_back(rows.int64(0), report.to_json());
      }
    }
    for (const auto& [number, text] : changed) {
      ATTUNE_ASSIGN_OR_RETURN(const std::string sealed,
                              self_.vault.seal(CustomerNumber{0}, "report", text));
      ATTUNE_RETURN_IF_ERROR(self_.state.run("UPDATE imports SET report = ?2 WHERE number = ?1",
                                             number, store::Blob{sealed}));
    }
    note("reports of imports", static_cast<std::int64_t>(changed.size()));
    return {};
  }

  Status keep_receipt() {
    return self_.state.run("INSERT OR REPLACE INTO erasures(number, receipt) VALUES(?1, ?2)",
                           record_.first, std::string_view(to_json(receipt_)));
  }

  Workspace::Impl& self_;
  const store::JournalRecord& record_;
  IdKey asked_;
  std::vector<IdKey> ids_;  // to be kept out
  events::Identity::Family family_;
  ErasureReceipt receipt_;
};

Status Workspace::Impl::apply_forget(const store::JournalRecord& record, Sequence history_done) {
  ATTUNE_ASSIGN_OR_RETURN(const Sequence done, state.cursor(kStateCursor));
  if (done < record.last()) ATTUNE_RETURN_IF_ERROR(Eraser(*this, record).run());
  if (history_done >= record.last()) return {};
  // An older history in the place of the one that was cleared before state was.
  for (const privacy::ForgottenNumber& one : suppressed->numbers()) {
    if (done < record.last() || one.at != record.first) continue;
    ATTUNE_RETURN_IF_ERROR(event_history->forget(one.customer));
  }
  return event_history->skip_to(record.last());
}

bool Workspace::Impl::names_forgotten(std::string_view text) const {
  if (suppressed->empty()) return false;
  return ForgottenText(*identity,
                       [this](const IdKey& id) { return suppressed->forgotten_at(id).has_value(); })
      .names(text);
}

// What a restored backup knows of people who were forgotten since it was made.
Status Workspace::Impl::forget_again(std::vector<std::string>& entries) {
  ATTUNE_RETURN_IF_ERROR(suppressed->end_at(journal.last_sequence()));
  for (const privacy::ForgottenId& one : suppressed->list()) {
    ATTUNE_ASSIGN_OR_RETURN(const auto family, identity->family(one.id));
    if (!family.numbers.empty()) entries.push_back(serialise(one.id));
  }
  return {};
}

Status Workspace::journal_forgetting(std::span<const std::string> payloads) {
  if (payloads.empty()) return {};
  // Events that wait in state come before the forgetting, and leave nothing there.
  ATTUNE_ASSIGN_OR_RETURN(PendingEvents pending, PendingEvents::open(*this));
  if (const auto pumped = pending.pump(); !pumped) return std::unexpected(pumped.error());
  std::vector<store::JournalEntry> entries;
  for (const std::string& payload : payloads)
    entries.push_back({static_cast<std::uint16_t>(EntryKind::forget), payload, 1});
  auto journalled = impl_->journal.append(entries);
  if (!journalled) return std::unexpected(journalled.error());
  return catch_up();
}

Status Workspace::honour_forgotten() {
  std::vector<std::string> entries;
  ATTUNE_RETURN_IF_ERROR(impl_->forget_again(entries));
  // Of the same lost journal: its numbers are given again.
  ATTUNE_RETURN_IF_ERROR(impl_->vault.end_at(CustomerNumber{impl_->journal.last_sequence().value}));
  ATTUNE_RETURN_IF_ERROR(journal_forgetting(entries));
  return forget_in_models();
}

Result<ErasureReceipt> Workspace::receipt_of(std::string_view id) {
  for (const IdKind kind : {IdKind::customer, IdKind::anonymous}) {
    const auto at = impl_->suppressed->forgotten_at({kind, impl_->identity->fingerprint(kind, id)});
    if (!at) continue;
    ATTUNE_ASSIGN_OR_RETURN(store::Statement row,
                            impl_->state.prepare("SELECT receipt FROM erasures WHERE number = ?1"));
    ATTUNE_ASSIGN_OR_RETURN(const bool found, row.bind(1, *at).step());
    if (found) return parse_receipt(row.text(0));
    return std::unexpected(not_found(fmt::format(kNoReceipt, attune::quoted(id))));
  }
  return std::unexpected(not_found(fmt::format(
      "no customer is called '{}'; ids are matched letter by letter", attune::quoted(id))));
}

Result<std::vector<ErasureReceipt>> Workspace::forget(std::span<const std::string> ids) {
  ATTUNE_RETURN_IF_ERROR(catch_up());  // whoever the journal names is known then
  std::vector<std::string> entries;
  for (const std::string& id : ids) {
    ATTUNE_ASSIGN_OR_RETURN(const auto known, impl_->identity->find_key(id));
    if (known) {
      entries.push_back(serialise(*known));
    } else {
      ATTUNE_RETURN_IF_ERROR(receipt_of(id));
    }
  }
  ATTUNE_RETURN_IF_ERROR(journal_forgetting(entries));
  std::vector<ErasureReceipt> receipts;
  for (const std::string& id : ids) {
    ATTUNE_ASSIGN_OR_RETURN(ErasureReceipt receipt, receipt_of(id));
    receipts.push_back(std::move(receipt));
  }
  return receipts;
}

bool Workspace::forgets_anybody() const { return !impl_->suppressed->empty(); }

bool Workspace::is_forgotten(events::IdKind kind, std::string_view id) const {
  return !id.empty() && !impl_->suppressed->empty() &&
         impl_->suppressed->forgotten_at({kind, impl_->identity->fingerprint(kind, id)});
}

bool Workspace::names_forgotten(std::string_view text) const {
  return impl_->names_forgotten(text);
}

Status Workspace::forget_in_models() {
  auto done = ModelRegistry(impl_->folder.models()).forget(impl_->suppressed->numbers());
  return done ? Status{} : std::unexpected(done.error());
}

}  // namespace attune::engine
