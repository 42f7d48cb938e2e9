#include "attune/events/identity.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::events {
namespace {

constexpr store::Migration kIdentityMigrations[] = {{1, R"sql(
CREATE TABLE identifiers(
  hash BLOB NOT NULL, kind INTEGER NOT NULL, customer INTEGER NOT NULL, sealed BLOB NOT NULL,
  PRIMARY KEY(hash, kind)) WITHOUT ROWID;
CREATE INDEX identifiers_by_customer ON identifiers(customer);
CREATE TABLE merges(
  source INTEGER PRIMARY KEY, target INTEGER NOT NULL, sequence INTEGER NOT NULL,
  cause TEXT NOT NULL);
CREATE INDEX merges_by_target ON merges(target);
CREATE TABLE traits(
  customer INTEGER NOT NULL, name TEXT NOT NULL, sealed BLOB NOT NULL, time INTEGER NOT NULL,
  sequence INTEGER NOT NULL, PRIMARY KEY(customer, name)) WITHOUT ROWID;
)sql"}};

std::string_view domain(IdKind kind) { return kind == IdKind::customer ? "customer" : "anonymous"; }

std::string bytes_of(const Hash128& hash) {
  std::string bytes(sizeof hash, '\0');
  std::memcpy(bytes.data(), &hash, sizeof hash);
  return bytes;
}

Status read_hash(std::string_view bytes, Hash128& hash) {
  if (bytes.size() != sizeof hash)
    return std::unexpected(data_corruption("an identifier's hash has another length"));
  std::memcpy(&hash, bytes.data(), sizeof hash);
  return {};
}

std::vector<CustomerNumber> distinct_of(std::vector<CustomerNumber> numbers) {
  std::ranges::sort(numbers);
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  return numbers;
}

bool is_forgotten(const std::vector<Sequence>& until, std::uint32_t code) {
  return !until.empty() && until[code] != kNeverForgotten;
}

// Everybody an import names, in the order of first mention; a customer id comes before an anonymous
// id of the same row.
template <class Mention>
std::vector<Mention> in_order(const StagedFacts& facts) {
  std::vector<Mention> mentions;
  mentions.reserve(facts.first_customer.size() + facts.first_anonymous.size());
  for (std::uint32_t c = 0; c < facts.first_customer.size(); ++c) {
    mentions.push_back({IdKind::customer, c, facts.first_customer[c]});
  }
  for (std::uint32_t a = 0; a < facts.first_anonymous.size(); ++a) {
    mentions.push_back({IdKind::anonymous, a, facts.first_anonymous[a]});
  }
  std::ranges::stable_sort(mentions, {}, [](const Mention& m) { return std::pair(m.row, m.kind); });
  return mentions;
}

// By code of an anonymous id, the customer whom the row that first named it names: it is theirs
// from birth.
std::unordered_map<std::uint32_t, std::uint32_t> companions(const StagedFacts& facts) {
  std::unordered_map<std::uint32_t, std::uint32_t> born_with;
  for (const StagedFacts::Link& link : facts.links) {
    if (facts.first_anonymous[link.anonymous] == link.row)
      born_with.emplace(link.anonymous, link.customer);
  }
  return born_with;
}

// The numbers of these ids; 0 for whom nobody is called so. Asked in the order of the table, so
// that each of its pages is read once.
Result<std::vector<CustomerNumber>> find_all(store::State& state, std::span<const IdKey> keys) {
  std::vector<std::pair<std::string, std::size_t>> order;
  order.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i)
    order.emplace_back(bytes_of(keys[i].fingerprint), i);
  std::ranges::sort(order);
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement row,
      state.prepare("SELECT customer FROM identifiers WHERE hash = ?1 AND kind = ?2"));
  std::vector<CustomerNumber> numbers(keys.size());
  for (const auto& [hash, i] : order) {
    row.bind_all(store::Blob{hash}, static_cast<std::int64_t>(keys[i].kind));
    ATTUNE_ASSIGN_OR_RETURN(const bool found, row.step());
    if (found) numbers[i] = CustomerNumber{row.int64(0)};
    row.reset();
  }
  return numbers;
}

}  // namespace

CustomerNumber MergeMap::root(CustomerNumber number) const {
  const auto found = targets_.find(number);
  return found == targets_.end() ? number : found->second;
}

Result<Identity> Identity::open(store::State& state, store::Vault& vault,
                                const ForgottenIds* forgotten) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("identity", kIdentityMigrations));
  return Identity(state, vault, forgotten);
}

Hash128 Identity::fingerprint(IdKind kind, std::string_view id) const {
  return vault_->keyed_hash(domain(kind), id);
}

Status Identity::for_each_fingerprint(const FingerprintVisitor& visit) {
  ATTUNE_ASSIGN_OR_RETURN(store::Statement rows,
                          state_->prepare("SELECT kind, hash, customer FROM identifiers"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return {};
    Hash128 hash;
    ATTUNE_RETURN_IF_ERROR(read_hash(rows.blob(1), hash));
    visit(static_cast<IdKind>(rows.int64(0)), hash, CustomerNumber{rows.int64(2)});
  }
}

Result<std::optional<CustomerNumber>> Identity::find_exact(IdKind kind, std::string_view id) {
  return find_key_exact({kind, fingerprint(kind, id)});
}

Result<std::optional<CustomerNumber>> Identity::find_key_exact(const IdKey& key) {
  const std::string hash = bytes_of(key.fingerprint);
  ATTUNE_ASSIGN_OR_RETURN(
      const auto number,
      state_->find_int64("SELECT customer FROM identifiers WHERE hash = ?1 AND kind = ?2",
                         store::Blob{hash}, static_cast<std::int64_t>(key.kind)));
  if (!number) return std::optional<CustomerNumber>();
  return std::optional(CustomerNumber{*number});
}

Result<std::optional<IdKey>> Identity::find_key(std::string_view id) {
  for (const IdKind kind : {IdKind::customer, IdKind::anonymous}) {
    const IdKey key{kind, fingerprint(kind, id)};
    ATTUNE_ASSIGN_OR_RETURN(const auto number, find_key_exact(key));
    if (number) return std::optional(key);
  }
  return std::optional<IdKey>();
}

Result<Identity::Family> Identity::family(const IdKey& id) {
  Family family;
  ATTUNE_ASSIGN_OR_RETURN(const auto number, find_key_exact(id));
  if (!number) return family;
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber top, root(*number));
  ATTUNE_ASSIGN_OR_RETURN(store::Statement rows, state_->prepare(R"sql(
    WITH RECURSIVE family(number) AS (
      SELECT ?1 UNION SELECT source FROM merges JOIN family ON merges.target = family.number)
    SELECT number, kind, hash, sealed FROM family LEFT JOIN identifiers ON customer = number
    ORDER BY number, kind, hash)sql"));
  rows.bind(1, top);
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return family;
    const CustomerNumber member{rows.int64(0)};
    if (family.numbers.empty() || family.numbers.back() != member) family.numbers.push_back(member);
    if (rows.is_null(1)) continue;
    Named named{{static_cast<IdKind>(rows.int64(1)), {}}, {}};
    ATTUNE_RETURN_IF_ERROR(read_hash(rows.blob(2), named.key.fingerprint));
    named.id = vault_->open(member, "id", rows.blob(3)).value_or("");
    family.ids.push_back(std::move(named));
  }
}

// Which names of an import are forgotten ones'.
void Identity::note_forgotten(const EventNames& names, Numbers& numbers) const {
  if (forgotten_ == nullptr || forgotten_->empty()) return;
  const auto note = [&](IdKind kind, const Dictionary& ids, std::vector<Sequence>& until) {
    for (std::uint32_t code = 0; code < ids.size(); ++code) {
      const auto at = forgotten_->forgotten_at({kind, fingerprint(kind, ids.text(code))});
      if (!at) continue;
      until.resize(ids.size(), kNeverForgotten);
      until[code] = *at;
    }
  };
  note(IdKind::customer, names.customers, numbers.customers_until);
  note(IdKind::anonymous, names.anonymous, numbers.anonymous_until);
}

Result<std::optional<CustomerNumber>> Identity::find_either(std::string_view id) {
  ATTUNE_ASSIGN_OR_RETURN(auto number, find_exact(IdKind::customer, id));
  if (number) return number;
  return find_exact(IdKind::anonymous, id);
}

Result<std::optional<CustomerNumber>> Identity::find(std::string_view id) {
  ATTUNE_ASSIGN_OR_RETURN(auto number, find_either(id));
  if (!number) return number;
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber top, root(*number));
  return std::optional(top);
}

Result<CustomerNumber> Identity::root(CustomerNumber number) {
  // Merges form a forest; `alias` and `link` refuse to close a circle.
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(
        const auto target,
        state_->find_int64("SELECT target FROM merges WHERE source = ?1", number));
    if (!target) return number;
    number = CustomerNumber{*target};
  }
}

Result<bool> Identity::is_known(CustomerNumber number) {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto found,
      state_->find_int64("SELECT 1 FROM identifiers WHERE customer = ?1 AND kind = 0 LIMIT 1",
                         number));
  return found.has_value();
}

Status Identity::insert_id(IdKind kind, std::string_view id, CustomerNumber number) {
  const std::string hash = bytes_of(fingerprint(kind, id));
  ATTUNE_ASSIGN_OR_RETURN(const std::string sealed, vault_->seal(number, "id", id));
  return state_->run("INSERT INTO identifiers(hash, kind, customer, sealed) VALUES(?1, ?2, ?3, ?4)",
                     store::Blob{hash}, static_cast<std::int64_t>(kind), number,
                     store::Blob{sealed});
}

Result<Identity::Numbers> Identity::admit(const EventNames& names, const StagedFacts& facts,
                                          Sequence first) {
  Numbers numbers;
  numbers.customers.resize(names.customers.size());
  numbers.anonymous.resize(names.anonymous.size());
  note_forgotten(names, numbers);
  const auto born_with = companions(facts);
  const std::vector<Mention> mentions = in_order<Mention>(facts);
  const auto id_of = [&](const Mention& m) {
    return m.kind == IdKind::anonymous ? names.anonymous.text(m.code)
                                       : names.customers.text(m.code);
  };
  std::vector<IdKey> keys;
  for (const Mention& m : mentions) keys.push_back({m.kind, fingerprint(m.kind, id_of(m))});
  ATTUNE_ASSIGN_OR_RETURN(const std::vector<CustomerNumber> known, find_all(*state_, keys));
  std::vector<Mention> fresh;
  std::vector<CustomerNumber> fresh_numbers;
  for (std::size_t i = 0; i < mentions.size(); ++i) {
    const Mention& mention = mentions[i];
    const bool anonymous = mention.kind == IdKind::anonymous;
    CustomerNumber& number =
        anonymous ? numbers.anonymous[mention.code] : numbers.customers[mention.code];
    if (is_forgotten(anonymous ? numbers.anonymous_until : numbers.customers_until, mention.code))
      continue;
    number = known[i];
    if (number) continue;
    number = CustomerNumber{first.value + mention.row};
    if (anonymous) {
      const auto companion = born_with.find(mention.code);
      // Beside a forgotten customer it stands alone.
      if (companion != born_with.end() && numbers.customers[companion->second])
        number = numbers.customers[companion->second];
    }
    fresh.push_back(mention);
    fresh_numbers.push_back(number);
  }
  const std::vector<CustomerNumber> distinct = distinct_of(fresh_numbers);
  ATTUNE_RETURN_IF_ERROR(vault_->create_keys(distinct));
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    ATTUNE_RETURN_IF_ERROR(warm(fresh_numbers, i));
    ATTUNE_RETURN_IF_ERROR(insert_id(fresh[i].kind, id_of(fresh[i]), fresh_numbers[i]));
  }
  numbers.admitted = static_cast<std::int64_t>(distinct.size());
  // In the order of rows, as if each had come alone: what one merges decides what the next may.
  std::size_t aliased = 0;
  const auto alias_before = [&](std::int64_t row) -> Status {
    for (; aliased < facts.aliases.size() && facts.aliases[aliased].row < row; ++aliased)
      ATTUNE_RETURN_IF_ERROR(alias(facts.aliases[aliased], names, first, numbers));
    return {};
  };
  for (const StagedFacts::Link& l : facts.links) {
    ATTUNE_RETURN_IF_ERROR(alias_before(l.row));
    ATTUNE_RETURN_IF_ERROR(link(numbers.anonymous[l.anonymous], numbers.customers[l.customer],
                                Sequence{first.value + l.row}, numbers));
  }
  ATTUNE_RETURN_IF_ERROR(alias_before(std::numeric_limits<std::int64_t>::max()));
  ATTUNE_RETURN_IF_ERROR(write_traits(facts, first, numbers));
  return numbers;
}

Result<Identity::Numbers> Identity::look_up(const EventNames& names) {
  Numbers numbers;
  note_forgotten(names, numbers);
  // A forgotten one may be there still: the crash came before the end of forgetting.
  const auto look = [&](IdKind kind, const Dictionary& ids, const std::vector<Sequence>& until,
                        std::vector<CustomerNumber>& into) -> Status {
    for (std::uint32_t code = 0; code < ids.size(); ++code) {
      into.emplace_back();
      if (is_forgotten(until, code)) continue;
      ATTUNE_ASSIGN_OR_RETURN(const auto found, find_exact(kind, ids.text(code)));
      into.back() = found.value_or(CustomerNumber{});
    }
    return {};
  };
  ATTUNE_RETURN_IF_ERROR(
      look(IdKind::customer, names.customers, numbers.customers_until, numbers.customers));
  ATTUNE_RETURN_IF_ERROR(
      look(IdKind::anonymous, names.anonymous, numbers.anonymous_until, numbers.anonymous));
  return numbers;
}

Status Identity::link(CustomerNumber anonymous, CustomerNumber customer, Sequence sequence,
                      Numbers& numbers) {
  if (anonymous.value == 0 || customer.value == 0) return {};  // one of them is forgotten
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber from, root(anonymous));
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber to, root(customer));
  if (from == to) return {};
  ATTUNE_ASSIGN_OR_RETURN(const bool taken, is_known(from));
  if (taken) {
    ++numbers.shared;
    return {};
  }
  numbers.merges.emplace_back(from, to);
  return merge(from, to, sequence, "identify");
}

Status Identity::alias(const StagedFacts::Alias& alias, const EventNames& names, Sequence first,
                       Numbers& numbers) {
  // The earlier id may be a customer's or an anonymous one; the import admitted it as anonymous if
  // nobody knew it.
  ATTUNE_ASSIGN_OR_RETURN(const auto known,
                          find_exact(IdKind::customer, names.anonymous.text(alias.from)));
  // A customer whom a later row of the same group names first was not there yet: numbers follow
  // the journal.
  const bool there = known && known->value <= first.value + alias.row;
  const CustomerNumber earlier = there ? *known : numbers.anonymous[alias.from];
  if (earlier.value == 0 || numbers.customers[alias.to].value == 0) return {};  // forgotten
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber from, root(earlier));
  ATTUNE_ASSIGN_OR_RETURN(const CustomerNumber to, root(numbers.customers[alias.to]));
  if (from == to) return {};
  numbers.merges.emplace_back(from, to);
  return merge(from, to, Sequence{first.value + alias.row}, "alias");
}

Status Identity::merge(CustomerNumber source, CustomerNumber target, Sequence sequence,
                       std::string_view cause) {
  return state_->run(
      "INSERT OR REPLACE INTO merges(source, target, sequence, cause) VALUES(?1, ?2, ?3, ?4)",
      source, target, sequence, cause);
}

Result<CustomerNumber> Identity::separate(std::string_view id) {
  ATTUNE_ASSIGN_OR_RETURN(const auto number, find_either(id));
  if (!number) {
    return std::unexpected(not_found(
        fmt::format("nobody is called '{}'; ids are matched letter by letter", quoted(id))));
  }
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM merges WHERE source = ?1", *number));
  if (state_->changed_rows() == 0) {
    return std::unexpected(
        failed_precondition(fmt::format("'{}' was never merged into another customer; name the id "
                                        "that was merged, not the one it went to",
                                        quoted(id))));
  }
  return *number;
}

Result<std::string> Identity::label(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement row,
      state_->prepare(
          "SELECT sealed FROM identifiers WHERE customer = ?1 ORDER BY kind, hash LIMIT 1"));
  ATTUNE_ASSIGN_OR_RETURN(const bool found, row.bind(1, customer).step());
  if (found) {
    if (auto id = vault_->open(customer, "id", row.blob(0))) return std::move(*id);
  }
  return fmt::format("#{}", customer.value);
}

Result<std::vector<CustomerNumber>> Identity::numbers_of(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(store::Statement rows, state_->prepare(R"sql(
    WITH RECURSIVE family(number) AS (
      SELECT ?1 UNION SELECT source FROM merges JOIN family ON merges.target = family.number)
    SELECT number FROM family)sql"));
  rows.bind(1, customer);
  std::vector<CustomerNumber> numbers;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return numbers;
    numbers.emplace_back(rows.int64(0));
  }
}

Result<MergeMap> Identity::merges() {
  MergeMap map;
  ATTUNE_ASSIGN_OR_RETURN(store::Statement rows,
                          state_->prepare("SELECT source, target FROM merges"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) break;
    map.targets_.emplace(CustomerNumber{rows.int64(0)}, CustomerNumber{rows.int64(1)});
  }
  for (auto& [source, target] : map.targets_) {
    for (auto next = map.targets_.find(target); next != map.targets_.end();
         next = map.targets_.find(target)) {
      target = next->second;
    }
  }
  return map;
}

Result<std::vector<Trait>> Identity::traits(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(store::Statement rows, state_->prepare(R"sql(
    WITH RECURSIVE family(number) AS (
      SELECT ?1 UNION SELECT source FROM merges JOIN family ON merges.target = family.number)
    SELECT customer, name, sealed, time FROM traits JOIN family ON traits.customer = family.number
    ORDER BY name, time, sequence)sql"));
  rows.bind(1, customer);
  std::map<std::string, Trait> latest;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) break;
    auto value = vault_->open(CustomerNumber{rows.int64(0)}, "trait", rows.blob(2));
    if (!value) continue;  // destroyed: forgotten
    const std::string name(rows.text(1));
    latest[name] = {name, std::move(*value), rows.time(3)};
  }
  std::vector<Trait> all;
  for (auto& [name, trait] : latest) all.push_back(std::move(trait));
  return all;
}

Status Identity::for_each_id(const IdVisitor& visit) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare(
          "SELECT customer, kind, sealed FROM identifiers ORDER BY customer, kind, hash"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return {};
    const CustomerNumber number{rows.int64(0)};
    auto id = vault_->open(number, "id", rows.blob(2));
    if (!id) continue;
    ATTUNE_RETURN_IF_ERROR(visit(number, static_cast<IdKind>(rows.int64(1)), *id));
  }
}

Result<std::int64_t> Identity::customers() {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto count,
      state_->find_int64("SELECT count(DISTINCT customer) FROM identifiers WHERE kind = 0 AND "
                         "customer NOT IN (SELECT source FROM merges)"));
  return count.value_or(0);
}

Result<std::int64_t> Identity::anonymous() {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto count,
      state_->find_int64("SELECT count(DISTINCT customer) FROM identifiers WHERE kind = 1 AND "
                         "customer NOT IN (SELECT source FROM merges) "
                         "AND customer NOT IN (SELECT customer FROM identifiers WHERE kind = 0)"));
  return count.value_or(0);
}

Result<std::int64_t> Identity::forget(CustomerNumber customer) {
  std::int64_t touched = 0;
  for (const std::string_view sql :
       {"DELETE FROM traits WHERE customer = ?1", "DELETE FROM identifiers WHERE customer = ?1",
        "DELETE FROM merges WHERE source = ?1 OR target = ?1"}) {
    ATTUNE_RETURN_IF_ERROR(state_->run(sql, customer));
    touched += state_->changed_rows();
  }
  ATTUNE_RETURN_IF_ERROR(vault_->destroy(customer));
  return touched;
}

}  // namespace attune::events
