// Personal data under a key of each customer's own. Answers: may these bytes be read, and how is
// everything of one customer made unreadable at once?
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/hash.h"
#include "attune/base/ids.h"

namespace attune::store {

// As many bytes that nobody can guess, from the system, in base 64 for URLs without padding.
std::string random_text(std::size_t bytes);

struct VaultOptions {
  bool create = true;  // false: not_found where there are no keys
  // The keys that the rest of the data was sealed with: others are refused.
  std::optional<std::string> key_id{};
  std::string vfs{};  // name of a registered SQLite VFS; empty: the system's
};

// The keys of one data folder: keys/master.key (mode 0600, checked) and keys/customers.sqlite.
//
// Invariants: (1) what seal returns can be opened only with the same master keys, customer and
// field name, and only unaltered; (2) after destroy, nothing sealed for that customer can be opened
// or sealed again, and the key's bytes are overwritten in the file and its log; (3) a key that
// create_keys made is on disk when it returns: call it before what it seals is committed.
// Cryptography: libsodium; XChaCha20-Poly1305 with random nonces, the customer's number and the
// field's name as associated data; the sealing key is BLAKE2b of the customer's random key under a
// master key, so that neither file alone opens anything; identifiers by BLAKE2b under another
// master key.
// Threads: every member from any thread.
class Vault {
 public:
  // Errors, with the remedy: not_found; failed_precondition (master.key is missing beside the other
  // file, either is missing where `key_id` is given, they do not belong together or are not those
  // of `key_id`); data_corruption; permission_denied (others may read them); resource_exhausted.
  static Result<Vault> open(const std::filesystem::path& keys_folder,
                            const VaultOptions& options = {});

  Vault(Vault&&) noexcept;
  Vault& operator=(Vault&&) noexcept;
  ~Vault();

  // Public name of the master keys (16 hexadecimal digits): keep it beside what they seal.
  const std::string& key_id() const;

  // The same identifier gives the same hash in the same domain ("email", "suppression"), and cannot
  // be guessed back without the keys.
  Hash128 keyed_hash(std::string_view domain, std::string_view identifier) const;

  // Makes a key for each customer that has none, in one transaction. Cost: 1 million in a few
  // seconds.
  // Errors: failed_precondition naming a customer that was destroyed: no key of the call is made
  // then.
  Status create_keys(std::span<const CustomerNumber> customers);

  // Result: 41 bytes more than `plaintext`. Errors: not_found (no key), failed_precondition
  // (destroyed).
  Result<std::string> seal(CustomerNumber customer, std::string_view field,
                           std::string_view plaintext);
  // Errors: as seal; data_corruption (altered, or sealed for another customer, field or folder).
  Result<std::string> open(CustomerNumber customer, std::string_view field,
                           std::string_view sealed);

  // Keeps the keys of these customers (ascending, at most 50,000 that exist) at hand for `open`, by
  // one pass over the keys between the first and the last. Cost: about 1 µs each.
  Status warm(std::span<const CustomerNumber> customers);

  // Destroys the customers' keys for good, in one transaction. Customers without a key are marked
  // too. Repeating it changes nothing.
  Status destroy(std::span<const CustomerNumber> customers);
  Status destroy(CustomerNumber customer) { return destroy(std::span(&customer, 1)); }
  Result<bool> is_destroyed(CustomerNumber customer);
  // Lets go of the keys of higher numbers, destroyed ones too: where a backup is older than the
  // keys beside it, its journal gives those numbers again.
  Status end_at(CustomerNumber last);

  // Writes a copy of both files into an existing folder: for backups that are told to.
  Status copy_to(const std::filesystem::path& folder);

 private:
  struct Impl;
  explicit Vault(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::store
