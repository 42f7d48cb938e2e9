// Who may ask the service for what. Answers: does this key open this door?
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/store/state.h"
#include "attune/store/vault.h"

namespace attune::engine {

// Each scope opens its own doors; admin opens all. Stored as its number.
enum class KeyScope : std::uint8_t { write = 0, read = 1, admin = 2 };
std::string_view name(KeyScope scope);
Result<KeyScope> parse_key_scope(std::string_view text);

struct AccessKey {
  std::string id;  // public: the part of the secret before its second underscore
  KeyScope scope = KeyScope::read;
  std::string label;
  Timestamp created_at;
  std::optional<Timestamp> revoked_at;
};

// {"keys": […]}, without secrets: there are none to tell.
std::string to_json(std::span<const AccessKey> keys);

// Keys as state remembers them: a keyed hash of a secret of 256 random bits, never the secret.
// Threads: check from any; the others one at a time, by whoever holds the workspace.
class AccessKeys {
 public:
  // `state` and `vault` outlive the object.
  static Result<AccessKeys> open(store::State& state, store::Vault& vault);
  AccessKeys(AccessKeys&&) noexcept;
  AccessKeys& operator=(AccessKeys&&) noexcept;
  ~AccessKeys();

  // The secret, "at_<id>_<43 characters>": shown once, here.
  Result<std::string> create(KeyScope scope, std::string_view label, Timestamp now);
  // Errors: not_found; failed_precondition for the last admin key.
  Status revoke(std::string_view id, Timestamp now);
  // A new secret with the scope and label of `id`, which is revoked.
  Result<std::string> rotate(std::string_view id, Timestamp now);
  // By which a key is listed, rotated and revoked; empty where the text is no key.
  static std::string_view id_of(std::string_view secret);
  Result<std::vector<AccessKey>> list();  // by age, revoked ones too

  // Reads the keys again, after another object changed them.
  Status reload();

  // The key of this secret; absent when there is none, or it was revoked.
  std::optional<AccessKey> check(std::string_view secret) const;
  static bool opens(KeyScope key, KeyScope door) { return key == KeyScope::admin || key == door; }

 private:
  struct Impl;
  explicit AccessKeys(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::engine
