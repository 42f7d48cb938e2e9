#include "profile_folding.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/hash.h"
#include "attune/base/text.h"

namespace attune::engine {
namespace {

using events::EventType;
using profiles::ProfileEvent;
using profiles::TermKindOf;

constexpr store::Migration kProfileFoldingMigrations[] = {{1, R"sql(
CREATE TABLE profile_basis(only INTEGER PRIMARY KEY CHECK(only = 1), fingerprint TEXT NOT NULL);
CREATE TABLE profile_merges(source INTEGER PRIMARY KEY, root INTEGER NOT NULL);
)sql"}};

constexpr std::int64_t kFlushEvents = 500'000;
constexpr std::int64_t kFewOfStored = 16;       // few events: at most this part of those stored
constexpr std::size_t kSpillProfiles = 50'000;  // in memory while many are folded, of 1.5 KB each

// Search words of a sealed event; empty when they cannot be read any more.
std::string search_words(store::Vault& vault, CustomerNumber customer, std::string_view sealed) {
  auto json = vault.open(customer, "event", sealed);
  if (!json) return {};
  boost::system::error_code failure;
  const boost::json::value value = boost::json::parse(*json, failure);
  if (failure || !value.is_object()) return {};
  const boost::json::value* text = value.as_object().if_contains("text");
  return text != nullptr && text->is_string() ? normalise_text(std::string_view(text->as_string()))
                                              : std::string();
}

}  // namespace

Status ProfileFolding::migrate(store::State& state) {
  return state.migrate("profile_folding", kProfileFoldingMigrations);
}

Status ProfileFolding::forget(store::State& state, std::span<const CustomerNumber> customers) {
  for (const CustomerNumber customer : customers) {
    ATTUNE_RETURN_IF_ERROR(
        state.run("DELETE FROM profile_merges WHERE source = ?1 OR root = ?1", customer));
  }
  return {};
}

Status ProfileFolding::prepare(bool people) {
  if (!prepared_) {
    ATTUNE_RETURN_IF_ERROR(migrate(workspace_.state()));
    // In the order of the items, which is that of the journal: numbers decide ties, so they must
    // not hang on the order of folding.
    for (const catalog::Item& item : catalog_.items()) terms_of(item.number);
  }
  if (people || !prepared_) {
    ATTUNE_ASSIGN_OR_RETURN(merges_, workspace_.identity().merges());
  }
  prepared_ = true;
  ATTUNE_ASSIGN_OR_RETURN(const auto channels,
                          workspace_.event_history().labels(events::LabelKind::channel));
  for (const auto& [code, name] : channels)
    channels_[code] = vocabulary_.add(TermKindOf::channel, name);
  ATTUNE_ASSIGN_OR_RETURN(const auto currencies,
                          workspace_.event_history().labels(events::LabelKind::currency));
  ATTUNE_ASSIGN_OR_RETURN(const auto reporting, workspace_.reporting_currency());
  one_currency_ = currencies.size() <= 1 && !reporting;
  if (!reporting && currencies.size() > 1) {
    std::string names;
    for (const auto& [code, name] : currencies) names += (names.empty() ? "" : ", ") + name;
    return std::unexpected(invalid_argument(fmt::format(
        "amounts come in several currencies ({}), and a sum over them would mean nothing; write "
        "reporting_currency = \"{}\" into {}",
        names, currencies.begin()->second, workspace_.folder().settings_file().string())));
  }
  for (const auto& [code, name] : currencies) {
    if (reporting && name == reporting->to_string()) currency_code_ = code;
  }
  return {};
}

Result<std::string> ProfileFolding::basis(Sequence cursor) {
  ATTUNE_ASSIGN_OR_RETURN(const auto bots,
                          workspace_.history().find_int64(
                              "SELECT (coalesce(bit_xor(hash(sequence)), 0) >> 1)::BIGINT FROM "
                              "derived_marks WHERE marks & $1 <> 0 AND sequence <= $2",
                              {static_cast<std::int64_t>(bit(events::Mark::bot)), cursor.value}));
  ATTUNE_ASSIGN_OR_RETURN(const auto reporting, workspace_.reporting_currency());
  return fmt::format("{:x}/{:x}/{}/{}", catalog_.taste_fingerprint(ItemNumber{cursor.value}),
                     bots.value_or(0), reporting ? reporting->to_string() : "",
                     workspace_.zone().name());
}

const ProfileFolding::ItemTerms& ProfileFolding::terms_of(ItemNumber number) {
  const auto known = terms_.find(number);
  if (known != terms_.end()) return known->second;
  ItemTerms terms;
  if (const catalog::Item* item = catalog_.find(number)) {
    for (const std::string& category : item->categories)
      terms.categories.push_back(vocabulary_.add(TermKindOf::category, category));
    terms.brand = vocabulary_.add(TermKindOf::brand, item->brand);
  }
  return terms_.emplace(number, std::move(terms)).first->second;
}

namespace {

std::string events_sql(std::string_view condition) {
  return fmt::format(
      "SELECT e.sequence, e.time, e.type, e.customer, e.item, e.order_id, e.channel, e.currency, "
      "e.quantity, e.price_minor, e.value_minor, e.rating, e.duration_ms, "
      "e.marks | coalesce(d.marks, 0), CASE WHEN e.type = {} THEN e.personal END "
      "FROM visible_rows e LEFT JOIN derived_marks d ON d.sequence = e.sequence "
      "WHERE e.customer <> 0 AND {}",
      static_cast<int>(EventType::search), condition);
}

}  // namespace

Status ProfileFolding::read_events(std::string_view condition, Progress* progress,
                                   const Sink& sink) {
  ATTUNE_ASSIGN_OR_RETURN(store::QueryResult rows,
                          workspace_.history().query(events_sql(condition)));
  std::int64_t done = 0;
  const TimeZone& zone = workspace_.zone();
  return rows.for_each([&](const store::Chunk& c) -> Status {
    const auto sequence = c.int64(0), type = c.int64(2), customer = c.int64(3), item = c.int64(4),
               channel = c.int64(6);
    const auto currency = c.int64(7), price = c.int64(9), value = c.int64(10),
               duration = c.int64(12), marks = c.int64(13);
    const auto time = c.time(1);
    const auto quantity = c.real(8), rating = c.real(11);
    for (std::size_t i = 0; i < c.rows(); ++i) {
      ProfileEvent event;
      event.sequence = sequence[i];
      event.time = time[i];
      event.type = static_cast<EventType>(type[i]);
      event.item = ItemNumber{item[i]};
      event.marks = static_cast<std::uint32_t>(marks[i]);
      if (!c.is_null(5, i)) event.order = hash64(c.text(5, i));
      if (!c.is_null(6, i)) event.channel = channels_[static_cast<std::int16_t>(channel[i])];
      if (item[i] != 0) {
        const ItemTerms& terms = terms_of(event.item);
        event.categories = terms.categories;
        event.brand = terms.brand;
      }
      const bool foreign =
          !one_currency_ && !c.is_null(7, i) && (!currency_code_ || currency[i] != *currency_code_);
      if (foreign) {
        // Stated all the same: it takes back no more than that. What foreign purchases came to is
        // not known.
        const bool stated = !c.is_null(9, i) || !c.is_null(10, i);
        if (stated && event.type == events::EventType::refund) event.value_minor = 0;
      } else {
        if (!c.is_null(9, i)) event.price_minor = price[i];
        if (!c.is_null(10, i)) event.value_minor = value[i];
      }
      if (!c.is_null(8, i)) event.quantity = quantity[i];
      if (!c.is_null(11, i)) event.rating = rating[i];
      if (!c.is_null(12, i)) event.duration_ms = duration[i];
      std::string words;
      if (!c.is_null(14, i)) {
        words = search_words(workspace_.vault(), CustomerNumber{customer[i]}, c.blob(14, i));
        event.text = words;
      }
      profiles::set_local_time(event, zone);
      ATTUNE_RETURN_IF_ERROR(sink(merges_.root(CustomerNumber{customer[i]}), event));
    }
    done += static_cast<std::int64_t>(c.rows());
    if (progress != nullptr) {
      progress->advance(done);
      if (progress->cancelled())
        return std::unexpected(cancelled("stopped; profiles go on from here when next asked for"));
    }
    return {};
  });
}

Status ProfileFolding::fold_new(Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(const Sequence cursor, store_.cursor());
  ATTUNE_ASSIGN_OR_RETURN(const Sequence target, workspace_.event_history().cursor());
  if (cursor >= target) return {};
  ATTUNE_ASSIGN_OR_RETURN(
      const auto count,
      workspace_.history().find_int64(
          "SELECT count(*) FROM visible_rows WHERE sequence > $1 AND customer <> 0",
          {cursor.value}));
  progress.phase("folding profiles", count.value_or(0), "events");
  const bool few = count.value_or(0) <= cursor.value / kFewOfStored;
  profiles::ProfileWorkingSet working(store_,
                                      few ? profiles::Place::apart : profiles::Place::settled);
  // By customer, so that a customer's profile is in memory while its events come, and goes out when
  // they have; all in one transaction, whose last word is the cursor.
  const bool many = count.value_or(0) > kFlushEvents;
  const std::string condition =
      fmt::format("e.sequence > {}{}", cursor.value, many ? " ORDER BY e.customer" : "");
  ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, workspace_.state().begin());
  ATTUNE_RETURN_IF_ERROR(read_events(
      condition, &progress, [&](CustomerNumber customer, const ProfileEvent& event) -> Status {
        if (many && working.size() >= kSpillProfiles) ATTUNE_RETURN_IF_ERROR(working.spill());
        return working.fold(customer, event);
      }));
  ATTUNE_RETURN_IF_ERROR(vocabulary_.save(workspace_.state()));
  ATTUNE_RETURN_IF_ERROR(working.flush(target));
  return transaction.commit();
}

Result<ProfileFolding::Profiles> ProfileFolding::fold_until(Timestamp moment, Progress& progress) {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto count,
      workspace_.history().find_int64(
          "SELECT count(*) FROM visible_rows WHERE customer <> 0 AND epoch_us(time) <= $1",
          {moment.micros}));
  progress.phase("folding profiles", count.value_or(0), "events");
  Profiles folded;
  ATTUNE_RETURN_IF_ERROR(
      read_events(fmt::format("epoch_us(e.time) <= {}", moment.micros), &progress,
                  [&](CustomerNumber customer, const ProfileEvent& event) -> Status {
                    folded[customer].fold(event, store_.rules());
                    return {};
                  }));
  return folded;
}

Status ProfileFolding::follow_merges() {
  store::State& state = workspace_.state();
  std::unordered_map<CustomerNumber, CustomerNumber> followed;
  ATTUNE_ASSIGN_OR_RETURN(store::Statement rows,
                          state.prepare("SELECT source, root FROM profile_merges"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) break;
    followed.emplace(CustomerNumber{rows.int64(0)}, CustomerNumber{rows.int64(1)});
  }
  // Merges taken back, or led elsewhere: everybody concerned is folded anew. New merges join what
  // is stored.
  std::vector<CustomerNumber> again;
  std::vector<std::pair<CustomerNumber, CustomerNumber>> joined;
  for (const auto& [source, root] : followed) {
    const CustomerNumber now = merges_.root(source);
    if (now == root || (merges_.root(root) == now && now != source)) continue;
    for (const CustomerNumber customer : {source, root, now})
      again.push_back(merges_.root(customer));
    again.push_back(source);
  }
  for (const auto& [source, root] : merges_.targets()) {
    if (!followed.contains(source)) joined.emplace_back(source, root);
  }
  if (again.empty() && joined.empty()) return {};
  for (const auto& [source, root] : joined) ATTUNE_RETURN_IF_ERROR(store_.merge(source, root));
  if (!again.empty()) {
    std::ranges::sort(again);
    again.erase(std::unique(again.begin(), again.end()), again.end());
    ATTUNE_ASSIGN_OR_RETURN(const Sequence cursor, store_.cursor());
    ATTUNE_RETURN_IF_ERROR(store_.rebuild(again, [&](const profiles::ProfileStore::Sink& sink) {
      return read_events(fmt::format("e.sequence <= {}", cursor.value), nullptr,
                         [&](CustomerNumber customer, const ProfileEvent& event) -> Status {
                           sink(customer, event);
                           return {};
                         });
    }));
  }
  ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, state.begin());
  ATTUNE_RETURN_IF_ERROR(state.execute("DELETE FROM profile_merges"));
  for (const auto& [source, root] : merges_.targets()) {
    ATTUNE_RETURN_IF_ERROR(
        state.run("INSERT INTO profile_merges(source, root) VALUES(?1, ?2)", source, root));
  }
  return transaction.commit();
}

Status ProfileFolding::catch_up(bool people, Progress& progress) {
  const bool moved = people || !prepared_;
  ATTUNE_RETURN_IF_ERROR(prepare(people));
  store::State& state = workspace_.state();
  ATTUNE_ASSIGN_OR_RETURN(const Sequence before, store_.cursor());
  ATTUNE_ASSIGN_OR_RETURN(const bool other_weights, store_.needs_rebuild());
  bool stale = other_weights;
  if (!stale && before.value > 0) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string now, basis(before));
    ATTUNE_ASSIGN_OR_RETURN(store::Statement row,
                            state.prepare("SELECT fingerprint FROM profile_basis"));
    ATTUNE_ASSIGN_OR_RETURN(const bool found, row.step());
    stale = !found || row.text(0) != now;
  }
  if (stale) {
    ATTUNE_RETURN_IF_ERROR(store_.clear());
    ATTUNE_RETURN_IF_ERROR(state.execute("DELETE FROM profile_merges"));
  }
  if (moved || stale) ATTUNE_RETURN_IF_ERROR(follow_merges());
  ATTUNE_RETURN_IF_ERROR(fold_new(progress));
  ATTUNE_ASSIGN_OR_RETURN(const Sequence after, store_.cursor());
  ATTUNE_ASSIGN_OR_RETURN(const std::string rests_on, basis(after));
  return state.run("INSERT OR REPLACE INTO profile_basis(only, fingerprint) VALUES(1, ?1)",
                   rests_on);
}

}  // namespace attune::engine
