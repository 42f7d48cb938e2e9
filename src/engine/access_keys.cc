#include "attune/engine/access_keys.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"

namespace attune::engine {
namespace {

constexpr store::Migration kAccessKeysMigrations[] = {{1, R"sql(
CREATE TABLE access_keys(
  id TEXT PRIMARY KEY, scope INTEGER NOT NULL, label TEXT NOT NULL, hash BLOB NOT NULL,
  created INTEGER NOT NULL, revoked INTEGER);
)sql"}};

constexpr std::string_view kPrefix = "at_";
constexpr std::size_t kIdBytes = 6;
constexpr std::size_t kSecretBytes = 32;
const std::vector<std::string> kScopes{"write", "read", "admin"};

// "_" parts the key: "~" stands for it inside.
std::string random_part(std::size_t bytes) {
  std::string text = store::random_text(bytes);
  std::ranges::replace(text, '_', '~');
  return text;
}

std::string bytes_of(const Hash128& hash) {
  std::string bytes(sizeof hash, '\0');
  std::memcpy(bytes.data(), &hash, sizeof hash);
  return bytes;
}

// Time does not tell how many bytes agree.
bool same(const Hash128& a, const Hash128& b) { return ((a.high ^ b.high) | (a.low ^ b.low)) == 0; }

}  // namespace

std::string_view name(KeyScope scope) { return kScopes[static_cast<std::size_t>(scope)]; }

Result<KeyScope> parse_key_scope(std::string_view text) {
  for (std::size_t i = 0; i < kScopes.size(); ++i) {
    if (kScopes[i] == text) return static_cast<KeyScope>(i);
  }
  return std::unexpected(
      invalid_argument(fmt::format("'{}' is no scope of a key; there are write, read and admin{}",
                                   attune::quoted(text), did_you_mean(text, kScopes))));
}

std::string to_json(std::span<const AccessKey> keys) {
  boost::json::array list;
  for (const AccessKey& key : keys) {
    boost::json::object object{{"id", key.id},
                               {"scope", name(key.scope)},
                               {"label", key.label},
                               {"created_at", format_iso(key.created_at)}};
    if (key.revoked_at) object["revoked_at"] = format_iso(*key.revoked_at);
    list.push_back(std::move(object));
  }
  return boost::json::serialize(boost::json::object{{"keys", std::move(list)}});
}

struct AccessKeys::Impl {
  store::State* state = nullptr;
  store::Vault* vault = nullptr;
  mutable std::shared_mutex mutex;                                       // of `valid`
  std::unordered_map<std::string, std::pair<AccessKey, Hash128>> valid;  // by id

  Hash128 hash(std::string_view secret) const { return vault->keyed_hash("access key", secret); }

  Status load() {
    std::unordered_map<std::string, std::pair<AccessKey, Hash128>> fresh;
    ATTUNE_ASSIGN_OR_RETURN(
        store::Statement rows,
        state->prepare(
            "SELECT id, scope, label, created, hash FROM access_keys WHERE revoked IS NULL"));
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) break;
      Hash128 stored;
      if (rows.blob(4).size() != sizeof stored || rows.int64(1) < 0 || rows.int64(1) > 2)
        return std::unexpected(data_corruption("the table of access keys is damaged"));
      std::memcpy(&stored, rows.blob(4).data(), sizeof stored);
      AccessKey key{std::string(rows.text(0)), static_cast<KeyScope>(rows.int64(1)),
                    std::string(rows.text(2)), rows.time(3), std::nullopt};
      fresh.emplace(key.id, std::pair(key, stored));
    }
    const std::unique_lock lock(mutex);
    valid.swap(fresh);
    return {};
  }
};

AccessKeys::AccessKeys(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AccessKeys::AccessKeys(AccessKeys&&) noexcept = default;
AccessKeys& AccessKeys::operator=(AccessKeys&&) noexcept = default;
AccessKeys::~AccessKeys() = default;

Result<AccessKeys> AccessKeys::open(store::State& state, store::Vault& vault) {
  ATTUNE_RETURN_IF_ERROR(state.migrate("access_keys", kAccessKeysMigrations));
  auto impl = std::make_unique<Impl>();
  impl->state = &state;
  impl->vault = &vault;
  ATTUNE_RETURN_IF_ERROR(impl->load());
  return AccessKeys(std::move(impl));
}

std::string_view AccessKeys::id_of(std::string_view secret) {
  if (!secret.starts_with(kPrefix)) return {};
  const std::size_t end = secret.find('_', kPrefix.size());
  return end == secret.npos ? std::string_view() : secret.substr(0, end);
}

Result<std::string> AccessKeys::create(KeyScope scope, std::string_view label, Timestamp now) {
  const std::string id = std::string(kPrefix) + random_part(kIdBytes);
  const std::string secret = id + "_" + random_part(kSecretBytes);
  ATTUNE_RETURN_IF_ERROR(impl_->state->run(
      "INSERT INTO access_keys(id, scope, label, hash, created) VALUES(?1, ?2, ?3, ?4, ?5)",
      std::string_view(id), static_cast<std::int64_t>(scope), label,
      store::Blob{bytes_of(impl_->hash(secret))}, now));
  ATTUNE_RETURN_IF_ERROR(impl_->load());
  return secret;
}

Status AccessKeys::revoke(std::string_view id, Timestamp now) {
  ATTUNE_ASSIGN_OR_RETURN(
      const auto scope, impl_->state->find_int64(
                            "SELECT scope FROM access_keys WHERE id = ?1 AND revoked IS NULL", id));
  if (!scope) {
    return std::unexpected(not_found(fmt::format(
        "no key in use is called '{}'; attune keys list names them", attune::quoted(id))));
  }
  ATTUNE_ASSIGN_OR_RETURN(
      const auto admins,
      impl_->state->find_int64(
          "SELECT count(*) FROM access_keys WHERE scope = 2 AND revoked IS NULL"));
  if (*scope == static_cast<std::int64_t>(KeyScope::admin) && admins.value_or(0) == 1) {
    return std::unexpected(failed_precondition(
        "this is the last admin key; make another first: attune keys create --scope admin"));
  }
  ATTUNE_RETURN_IF_ERROR(
      impl_->state->run("UPDATE access_keys SET revoked = ?2 WHERE id = ?1", id, now));
  return impl_->load();
}

Result<std::string> AccessKeys::rotate(std::string_view id, Timestamp now) {
  std::optional<AccessKey> old;
  {
    const std::shared_lock lock(impl_->mutex);
    const auto found = impl_->valid.find(std::string(id));
    if (found != impl_->valid.end()) old = found->second.first;
  }
  if (!old) {
    return std::unexpected(not_found(fmt::format(
        "no key in use is called '{}'; attune keys list names them", attune::quoted(id))));
  }
  ATTUNE_ASSIGN_OR_RETURN(std::string secret, create(old->scope, old->label, now));
  ATTUNE_RETURN_IF_ERROR(revoke(id, now));
  return secret;
}

Result<std::vector<AccessKey>> AccessKeys::list() {
  std::vector<AccessKey> keys;
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      impl_->state->prepare(
          "SELECT id, scope, label, created, revoked FROM access_keys ORDER BY created, id"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return keys;
    AccessKey key{std::string(rows.text(0)), static_cast<KeyScope>(rows.int64(1)),
                  std::string(rows.text(2)), rows.time(3), std::nullopt};
    if (!rows.is_null(4)) key.revoked_at = rows.time(4);
    keys.push_back(std::move(key));
  }
}

Status AccessKeys::reload() { return impl_->load(); }

std::optional<AccessKey> AccessKeys::check(std::string_view secret) const {
  const std::string_view id = id_of(secret);
  if (id.empty()) return std::nullopt;
  const Hash128 given = impl_->hash(secret);
  const std::shared_lock lock(impl_->mutex);
  const auto found = impl_->valid.find(std::string(id));
  if (found == impl_->valid.end() || !same(found->second.second, given)) return std::nullopt;
  return found->second.first;
}

}  // namespace attune::engine
