#include "attune/engage/contact_store.h"

#include <algorithm>

#include <fmt/format.h>

#include "joined_transaction.h"

namespace attune::engage {
namespace {

// `origin` is the number under which a message went out; `customer` is whose it is now.
constexpr store::Migration kContactStoreMigrations[] = {{1, R"sql(
CREATE TABLE contacts(
  customer INTEGER NOT NULL, time INTEGER NOT NULL, campaign INTEGER NOT NULL,
  origin INTEGER NOT NULL, channel INTEGER NOT NULL,
  PRIMARY KEY(customer, time, campaign, origin)) WITHOUT ROWID;
)sql"}};

// Below this a look-up for each customer takes less than a pass over those between them.
constexpr std::size_t kFew = 500;

constexpr std::string_view kBetween =
    "SELECT customer, time, campaign, channel FROM contacts "
    "WHERE customer BETWEEN ?1 AND ?2 AND time >= ?3 ORDER BY customer, time";

Result<decide::Contact> read_contact(const store::State& state, const store::Statement& row) {
  const std::int64_t campaign = row.int64(2), channel = row.int64(3);
  if (campaign < 0 || campaign > UINT32_MAX || channel < 0 || channel >= decide::kChannelCount) {
    return std::unexpected(data_corruption(
        fmt::format("table contacts of {} names campaign {} and channel {}; restore a backup",
                    state.path().string(), campaign, channel)));
  }
  return decide::Contact{row.time(1), static_cast<std::uint32_t>(campaign),
                         static_cast<decide::Channel>(channel)};
}

}  // namespace

Result<ContactStore> ContactStore::open(store::State& state) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("contacts", kContactStoreMigrations));
  return ContactStore(state);
}

Status ContactStore::record(std::span<const CustomerContact> contacts) {
  const auto nobody = [](const CustomerContact& one) { return one.customer.value <= 0; };
  if (std::ranges::any_of(contacts, nobody))
    return std::unexpected(invalid_argument("a contact needs a customer; nothing is recorded"));
  ATTUNE_ASSIGN_OR_RETURN(auto transaction, JoinedTransaction::begin(*state_));
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement insert,
      state_->prepare("INSERT OR IGNORE INTO contacts(customer, time, campaign, origin, channel) "
                      "VALUES(?1, ?2, ?3, ?1, ?4)"));
  for (const auto& [customer, contact] : contacts) {
    insert.bind_all(customer, contact.time, contact.campaign,
                    static_cast<std::int64_t>(contact.channel));
    ATTUNE_RETURN_IF_ERROR(insert.run());
  }
  return transaction.commit();
}

Status ContactStore::retract(std::span<const CustomerContact> contacts) {
  ATTUNE_ASSIGN_OR_RETURN(auto transaction, JoinedTransaction::begin(*state_));
  for (const auto& [customer, contact] : contacts) {
    ATTUNE_RETURN_IF_ERROR(state_->run(
        "DELETE FROM contacts WHERE customer = ?1 AND time = ?2 AND campaign = ?3 AND channel = ?4",
        customer, contact.time, contact.campaign, static_cast<std::int64_t>(contact.channel)));
  }
  return transaction.commit();
}

Status ContactStore::load(std::span<const CustomerNumber> customers, Timestamp since,
                          ContactColumns& into) {
  if (std::ranges::adjacent_find(customers, std::ranges::greater_equal()) != customers.end()) {
    return std::unexpected(
        invalid_argument("contacts are loaded for customers in rising order, each once"));
  }
  into.contacts.clear();
  into.offsets.assign(1, 0);
  into.offsets.reserve(customers.size() + 1);
  ATTUNE_ASSIGN_OR_RETURN(store::Statement rows, state_->prepare(kBetween));
  const bool few = customers.size() < kFew;
  // Customers whose contacts are read with one statement: each alone, or all.
  const std::size_t together = few ? 1 : customers.size();
  for (std::size_t begin = 0; begin < customers.size(); begin += together) {
    rows.bind_all(customers[begin], customers[begin + together - 1], since);
    std::size_t at = begin;
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) break;
      const CustomerNumber customer{rows.int64(0)};
      for (; customers[at] < customer; ++at) into.offsets.push_back(into.contacts.size());
      if (customers[at] != customer) continue;
      ATTUNE_ASSIGN_OR_RETURN(const decide::Contact contact, read_contact(*state_, rows));
      into.contacts.push_back(contact);
    }
    for (; at < begin + together; ++at) into.offsets.push_back(into.contacts.size());
  }
  return {};
}

Result<std::int64_t> ContactStore::prune(Timestamp before, std::int64_t limit) {
  ATTUNE_ASSIGN_OR_RETURN(auto transaction, JoinedTransaction::begin(*state_));
  ATTUNE_RETURN_IF_ERROR(state_->run(
      "DELETE FROM contacts WHERE (customer, time, campaign, origin) IN "
      "(SELECT customer, time, campaign, origin FROM contacts WHERE time < ?1 LIMIT ?2)",
      before, limit));
  const std::int64_t removed = state_->changed_rows();
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  return removed;
}

Status ContactStore::merge(CustomerNumber from, CustomerNumber into) {
  if (from == into) return {};
  return state_->run("UPDATE OR REPLACE contacts SET customer = ?2 WHERE customer = ?1", from,
                     into);
}

Status ContactStore::separate(CustomerNumber customer) {
  // There is no index by origin: a merge is taken back seldom, and one pass takes a second.
  return state_->run(
      "UPDATE OR REPLACE contacts SET customer = ?1 WHERE origin = ?1 AND customer <> ?1",
      customer);
}

Result<std::int64_t> ContactStore::forget(CustomerNumber customer) {
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM contacts WHERE customer = ?1", customer));
  return state_->changed_rows();
}

}  // namespace attune::engage
