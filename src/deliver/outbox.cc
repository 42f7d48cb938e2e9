#include "attune/deliver/outbox.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::deliver {
namespace {

constexpr store::Migration kOutboxMigrations[] = {
    {1,
     "CREATE TABLE outbox (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE,"
     " channel INTEGER NOT NULL, provider TEXT NOT NULL, customer INTEGER NOT NULL,"
     " purpose INTEGER NOT NULL, campaign TEXT NOT NULL, treatment TEXT NOT NULL,"
     " content TEXT NOT NULL, state INTEGER NOT NULL, attempts INTEGER NOT NULL,"
     " due INTEGER NOT NULL, expires INTEGER NOT NULL, created INTEGER NOT NULL,"
     " changed INTEGER NOT NULL, code INTEGER NOT NULL, detail BLOB, payload BLOB,"
     " told INTEGER NOT NULL);"
     "CREATE INDEX outbox_due ON outbox(channel, provider, due, id) WHERE state = 0;"
     "CREATE INDEX outbox_sending ON outbox(id) WHERE state = 1;"
     "CREATE INDEX outbox_untold ON outbox(changed, id) WHERE told = 0;"
     "CREATE INDEX outbox_state ON outbox(state, changed);"
     "CREATE INDEX outbox_campaign ON outbox(campaign, state);"
     "CREATE INDEX outbox_customer ON outbox(customer)"}};

constexpr std::string_view kStatusColumns =
    "key, channel, provider, customer, purpose, campaign, treatment, state, attempts, due, created,"
    " changed, code, detail";
constexpr std::string_view kPayloadField = "outbox.payload";
constexpr std::string_view kDetailField = "outbox.detail";
constexpr std::size_t kTextMax = 200;
constexpr std::size_t kPayloadMax = 1 << 20;
constexpr std::size_t kDetailMax = 1000;

int number(MessageState state) { return static_cast<int>(state); }
int number(Channel channel) { return static_cast<int>(channel); }

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= 64 && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

Status check(const Message& message) {
  const auto wrong = [&](std::string_view what) {
    return std::unexpected(
        invalid_argument(fmt::format("message '{}': {}", attune::quoted(message.key), what)));
  };
  if (!is_key(message.key)) return wrong("a key is 1 to 64 letters, digits, '-' or '_'");
  if (message.provider.empty() || message.provider.size() > kTextMax) {
    return wrong("it names no provider (1 to 200 bytes)");
  }
  for (const std::string* text : {&message.campaign, &message.treatment, &message.content}) {
    if (text->size() > kTextMax || first_invalid_utf8(*text)) {
      return wrong("campaign, treatment and content are UTF-8 of at most 200 bytes");
    }
  }
  if (!message.customer && message.channel != Channel::webhook) {
    return wrong("an e-mail needs a customer, under whose key it is sealed");
  }
  if (message.channel == Channel::email && message.address.empty()) {
    return wrong("an e-mail needs an address");
  }
  return {};
}

// A transaction of our own, unless the caller has one open.
Result<std::optional<store::Transaction>> begin(store::State& state) {
  if (state.in_transaction()) return std::optional<store::Transaction>();
  ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, state.begin());
  return std::optional<store::Transaction>(std::move(transaction));
}

Status commit(std::optional<store::Transaction>& transaction) {
  return transaction ? transaction->commit() : Status();
}

std::string payload_of(const Message& message) {
  ByteWriter writer;
  writer.value(std::uint8_t{1});
  writer.text(message.address);
  write(writer, message.fields);
  writer.text(message.body);
  return writer.bytes();
}

Status read_payload(std::string_view bytes, Message& message) {
  ByteReader reader(bytes);
  ATTUNE_ASSIGN_OR_RETURN(const auto version, reader.value<std::uint8_t>());
  if (version != 1) return std::unexpected(data_corruption("a payload of another version"));
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view address, reader.text());
  ATTUNE_ASSIGN_OR_RETURN(message.fields, read_fields(reader));
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view body, reader.text());
  message.address = address;
  message.body = body;
  return reader.finish();
}

bool is_settled(MessageState state) {
  return state != MessageState::queued && state != MessageState::sending;
}

}  // namespace

std::string_view name(Channel channel) { return channel == Channel::email ? "email" : "webhook"; }

std::string_view name(MessageState state) {
  constexpr std::string_view kNames[] = {"queued", "sending", "sent",    "refused",
                                         "failed", "unknown", "withheld"};
  return kNames[static_cast<std::size_t>(state)];
}

Result<Outbox> Outbox::open(store::State& state, store::Vault& vault) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("outbox", kOutboxMigrations));
  return Outbox(state, vault);
}

Result<std::string> Outbox::sealed_payload(const Message& message) {
  std::string payload = payload_of(message);
  if (payload.size() > kPayloadMax) {
    return std::unexpected(invalid_argument(
        fmt::format("message '{}': address, fields and body take {} bytes; at most {} are kept",
                    attune::quoted(message.key), payload.size(), kPayloadMax)));
  }
  if (!message.customer) return payload;
  auto sealed = vault_->seal(message.customer, kPayloadField, payload);
  if (sealed || sealed.error().code != ErrorCode::not_found) return sealed;
  ATTUNE_RETURN_IF_ERROR(vault_->create_keys(std::span(&message.customer, 1)));
  return vault_->seal(message.customer, kPayloadField, payload);
}

// Answers of servers quote addresses: they are sealed too. Empty where the customer is forgotten.
Result<std::string> Outbox::sealed_detail(CustomerNumber customer, std::string_view detail) {
  detail = detail.substr(0, kDetailMax);
  if (!customer || detail.empty()) return std::string(detail);
  auto sealed = vault_->seal(customer, kDetailField, detail);
  if (!sealed && sealed.error().code == ErrorCode::failed_precondition) return std::string();
  return sealed;
}

Result<bool> Outbox::insert(const Message& message, Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string payload, sealed_payload(message));
  ATTUNE_RETURN_IF_ERROR(state_->run(
      "INSERT INTO outbox(key, channel, provider, customer, purpose, campaign, treatment, content,"
      " state, attempts, due, expires, created, changed, code, payload, told)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, ?12, ?12, 0, ?11, 1)",
      message.key, number(message.channel), message.provider, message.customer,
      static_cast<int>(message.purpose), message.campaign, message.treatment, message.content,
      message.due, message.expires, store::Blob{payload}, now));
  return true;
}

Result<AddedMessages> Outbox::add(std::span<const Message> messages, Timestamp now) {
  for (const Message& message : messages) ATTUNE_RETURN_IF_ERROR(check(message));
  AddedMessages result;
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  for (const Message& message : messages) {
    ATTUNE_ASSIGN_OR_RETURN(const auto found,
                            state_->find_int64("SELECT 1 FROM outbox WHERE key = ?", message.key));
    if (found) {
      ++result.repeated;
      continue;
    }
    const auto inserted = insert(message, now);
    if (inserted) {
      ++result.added;
    } else if (inserted.error().code == ErrorCode::failed_precondition && message.customer &&
               vault_->is_destroyed(message.customer).value_or(false)) {
      ++result.forgotten;
    } else {
      return std::unexpected(inserted.error());
    }
  }
  ATTUNE_RETURN_IF_ERROR(commit(own));
  return result;
}

Result<std::vector<MessageStatus>> Outbox::read_statuses(store::Statement& statement) {
  std::vector<MessageStatus> all;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, statement.step());
    if (!more) return all;
    MessageStatus& one = all.emplace_back();
    one.key = statement.text(0);
    one.channel = static_cast<Channel>(statement.int64(1));
    one.provider = statement.text(2);
    one.customer = {statement.int64(3)};
    one.purpose = static_cast<privacy::Purpose>(statement.int64(4));
    one.campaign = statement.text(5);
    one.treatment = statement.text(6);
    one.state = static_cast<MessageState>(statement.int64(7));
    one.attempts = static_cast<int>(statement.int64(8));
    one.due = statement.time(9);
    one.created = statement.time(10);
    one.changed = statement.time(11);
    one.code = static_cast<int>(statement.int64(12));
    one.detail = statement.blob(13);
    if (!one.customer || one.detail.empty()) continue;
    auto opened = vault_->open(one.customer, kDetailField, one.detail);
    one.detail = opened ? std::move(*opened) : std::string();
  }
}

Result<std::optional<MessageStatus>> Outbox::find(std::string_view key) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement statement,
      state_->prepare(fmt::format("SELECT {} FROM outbox WHERE key = ?", kStatusColumns)));
  statement.bind_all(key);
  ATTUNE_ASSIGN_OR_RETURN(auto found, read_statuses(statement));
  if (found.empty()) return std::optional<MessageStatus>();
  return std::optional(std::move(found.front()));
}

Result<std::vector<MessageStatus>> Outbox::list(MessageState state, int limit) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement statement,
      state_->prepare(fmt::format(
          "SELECT {} FROM outbox WHERE state = ? ORDER BY changed DESC, id DESC LIMIT ?",
          kStatusColumns)));
  return read_statuses(statement.bind_all(number(state), limit));
}

Result<std::array<std::int64_t, kMessageStateCount>> Outbox::counts(std::string_view campaign) {
  std::array<std::int64_t, kMessageStateCount> counts{};
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement statement,
      state_->prepare(
          campaign.empty()
              ? "SELECT state, count(*) FROM outbox GROUP BY state"
              : "SELECT state, count(*) FROM outbox WHERE campaign = ? GROUP BY state"));
  if (!campaign.empty()) statement.bind(1, campaign);
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, statement.step());
    if (!more) return counts;
    const std::int64_t state = statement.int64(0);
    if (state >= 0 && state < kMessageStateCount)
      counts[static_cast<std::size_t>(state)] = statement.int64(1);
  }
}

Result<std::vector<Outbox::HandedOver>> Outbox::handed_over(CustomerNumber customer,
                                                            Timestamp since,
                                                            std::string_view except_key) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare(
          "SELECT campaign, changed, channel FROM outbox WHERE customer = ?1 AND changed >= ?2 "
          "AND key <> ?3 AND state IN (?4, ?5, ?6)"));
  rows.bind_all(customer, since, except_key, number(MessageState::sending),
                number(MessageState::sent), number(MessageState::unknown));
  std::vector<HandedOver> handed;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return handed;
    handed.push_back(
        {std::string(rows.text(0)), static_cast<Channel>(rows.int64(2)), rows.time(1)});
  }
}

Result<std::vector<MessageStatus>> Outbox::untold(int limit) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement statement,
      state_->prepare(fmt::format(
          "SELECT {} FROM outbox WHERE told = 0 ORDER BY changed, id LIMIT ?", kStatusColumns)));
  return read_statuses(statement.bind_all(limit));
}

Status Outbox::mark_told(std::span<const MessageStatus> messages) {
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  for (const MessageStatus& one : messages) {
    // Only of the state that was told: a late answer may have changed it meanwhile.
    ATTUNE_RETURN_IF_ERROR(state_->run("UPDATE outbox SET told = 1 WHERE key = ? AND state = ?",
                                       one.key, number(one.state)));
  }
  return commit(own);
}

Result<std::int64_t> Outbox::withhold(std::string_view campaign, std::string_view reason,
                                      Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  std::vector<std::pair<std::int64_t, CustomerNumber>> rows;
  {
    ATTUNE_ASSIGN_OR_RETURN(
        store::Statement statement,
        state_->prepare("SELECT id, customer FROM outbox WHERE campaign = ? AND state = 0"));
    statement.bind_all(campaign);
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, statement.step());
      if (!more) break;
      rows.emplace_back(statement.int64(0), CustomerNumber{statement.int64(1)});
    }
  }
  for (const auto& [row, customer] : rows) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string detail, sealed_detail(customer, reason));
    ATTUNE_RETURN_IF_ERROR(
        state_->run("UPDATE outbox SET state = 6, changed = ?, detail = ?, payload = NULL, told = 0"
                    " WHERE id = ? AND state = 0",
                    now, store::Blob{detail}, row));
  }
  ATTUNE_RETURN_IF_ERROR(commit(own));
  return static_cast<std::int64_t>(rows.size());
}

Status Outbox::requeue(std::string_view key, Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(const auto found, find(key));
  if (!found) {
    return std::unexpected(not_found(fmt::format("there is no message '{}'", attune::quoted(key))));
  }
  if (found->channel != Channel::webhook || found->state != MessageState::failed) {
    return std::unexpected(failed_precondition(
        fmt::format("message '{}' is {} ({}); only webhooks that failed go again",
                    attune::quoted(key), name(found->channel), name(found->state))));
  }
  return state_->run(
      "UPDATE outbox SET state = 0, attempts = 0, due = ?1, changed = ?1, told = 1"
      " WHERE key = ?2 AND state = 4 AND payload IS NOT NULL",
      now, key);
}

Result<std::int64_t> Outbox::prune(Timestamp before) {
  ATTUNE_RETURN_IF_ERROR(
      state_->run("DELETE FROM outbox WHERE state >= 2 AND told = 1 AND changed < ?", before));
  return state_->changed_rows();
}

Result<std::vector<std::string>> Outbox::waiting_for(CustomerNumber customer) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      state_->prepare("SELECT key FROM outbox WHERE customer = ? AND state = 0 ORDER BY id"));
  rows.bind(1, customer);
  std::vector<std::string> keys;
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return keys;
    keys.emplace_back(rows.text(0));
  }
}

Result<std::int64_t> Outbox::forget(CustomerNumber customer) {
  ATTUNE_RETURN_IF_ERROR(state_->run("DELETE FROM outbox WHERE customer = ?", customer));
  return state_->changed_rows();
}

Result<std::optional<Outbox::Due>> Outbox::next_due(std::string_view provider, Channel channel,
                                                    Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement statement,
      state_->prepare("SELECT id, attempts, key, customer, purpose, campaign, treatment, content,"
                      " due, expires, payload FROM outbox"
                      " WHERE state = 0 AND channel = ? AND provider = ? AND due <= ?"
                      " ORDER BY due, id LIMIT 1"));
  statement.bind_all(number(channel), provider, now);
  ATTUNE_ASSIGN_OR_RETURN(const bool found, statement.step());
  if (!found) return std::optional<Due>();
  Due due;
  due.row = statement.int64(0);
  due.attempts = static_cast<int>(statement.int64(1));
  Message& message = due.message;
  message.channel = channel;
  message.provider = provider;
  message.key = statement.text(2);
  message.customer = {statement.int64(3)};
  message.purpose = static_cast<privacy::Purpose>(statement.int64(4));
  message.campaign = statement.text(5);
  message.treatment = statement.text(6);
  message.content = statement.text(7);
  message.due = statement.time(8);
  message.expires = statement.time(9);
  std::string payload(statement.blob(10));
  if (message.customer) {
    auto opened = vault_->open(message.customer, kPayloadField, payload);
    if (!opened) {
      due.problem = std::move(opened).error();
      return std::optional(std::move(due));
    }
    payload = std::move(*opened);
  }
  if (Status read = read_payload(payload, message); !read) due.problem = std::move(read).error();
  return std::optional(std::move(due));
}

Result<std::optional<Timestamp>> Outbox::next_due_time(std::string_view provider, Channel channel) {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto found,
      state_->find_int64("SELECT min(due) FROM outbox WHERE state = 0 AND channel = ?"
                         " AND provider = ?",
                         number(channel), provider));
  if (!found) return std::optional<Timestamp>();
  return std::optional(Timestamp{*found});
}

Result<bool> Outbox::has_work(std::optional<Channel> channel) {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto found,
      state_->find_int64(
          "SELECT EXISTS(SELECT 1 FROM outbox WHERE state = 0 AND channel BETWEEN ?1 "
          "AND ?2) OR EXISTS(SELECT 1 FROM outbox WHERE state = 1 AND channel "
          "BETWEEN ?1 AND ?2)",
          number(channel.value_or(Channel::email)), number(channel.value_or(Channel::webhook))));
  return found.value_or(0) != 0;
}

Status Outbox::settle(const Settlement& settled) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string detail,
                          sealed_detail(settled.customer, settled.detail));
  // Also from unknown: what is learned late is truer.
  return state_->run(
      "UPDATE outbox SET state = ?1, attempts = ?2, due = ?3, changed = ?4, code = ?5, detail = ?6,"
      " told = ?7, payload = CASE WHEN ?1 = 0 OR (?1 = 4 AND channel = 1) THEN payload END"
      " WHERE id = ?8 AND (state IN (0, 1) OR (state = 5 AND ?1 <> 0))",
      number(settled.state), settled.attempts, settled.due, settled.now, settled.code,
      store::Blob{detail}, is_settled(settled.state) ? 0 : 1, settled.row);
}

Result<bool> Outbox::settle_and_mark(const Settlement* settled, std::int64_t row, Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  if (settled != nullptr) ATTUNE_RETURN_IF_ERROR(settle(*settled));
  bool marked = false;
  if (row != 0) {
    ATTUNE_RETURN_IF_ERROR(state_->run(
        "UPDATE outbox SET state = 1, changed = ? WHERE id = ? AND state = 0", now, row));
    marked = state_->changed_rows() == 1;
  }
  ATTUNE_RETURN_IF_ERROR(commit(own));
  return marked;
}

Result<std::int64_t> Outbox::recover(Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(auto own, begin(*state_));
  ATTUNE_RETURN_IF_ERROR(
      state_->run("UPDATE outbox SET state = 5, changed = ?, told = 0, payload = NULL"
                  " WHERE state = 1 AND channel = 0",
                  now));
  const std::int64_t unknown = state_->changed_rows();
  ATTUNE_RETURN_IF_ERROR(
      state_->run("UPDATE outbox SET state = 0, changed = ? WHERE state = 1 AND channel = 1", now));
  ATTUNE_RETURN_IF_ERROR(commit(own));
  return unknown;
}

}  // namespace attune::deliver
