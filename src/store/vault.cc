#include "attune/store/vault.h"

#include <array>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <sodium.h>

#include "attune/base/files.h"
#include "attune/store/state.h"
#include "copy_file.h"
#include "key_cache.h"

namespace attune::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "attune master";
constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kMasterName = "master.key";
constexpr std::string_view kCustomersName = "customers.sqlite";
constexpr std::size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr char kSealVersion = 1;
constexpr std::size_t kOverhead = 1 + kNonceBytes + kTagBytes;
constexpr std::size_t kDrawnKeys = 32;
constexpr int kPassed = 16;  // so many keys that nobody asked for cost as much as a look-up
constexpr Migration kVaultMigrations[] = {
    {1,
     "CREATE TABLE keys (customer INTEGER PRIMARY KEY, key BLOB);"  // NULL: destroyed
     "CREATE TABLE vault (key_id TEXT NOT NULL)"}};

static_assert(kKeyBytes == crypto_generichash_KEYBYTES);
static_assert(sizeof(SecretKey) == kKeyBytes);

struct MasterKeys {
  SecretKey sealing;
  SecretKey hashing;
};

const unsigned char* as_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view view_of(const SecretKey& key) {
  return {reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size()};
}

// BLAKE2b of `parts` under a key. Lengths go in, so that no two lists of parts run into one.
template <std::size_t N>
std::array<unsigned char, N> keyed_digest(const SecretKey& key,
                                          std::initializer_list<std::string_view> parts) {
  std::array<unsigned char, N> digest{};
  crypto_generichash_state state;
  crypto_generichash_init(&state, key.bytes.data(), key.bytes.size(), N);
  for (const std::string_view part : parts) {
    const std::uint64_t length = part.size();
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&length),
                              sizeof length);
    crypto_generichash_update(&state, as_bytes(part), part.size());
  }
  crypto_generichash_final(&state, digest.data(), N);
  return digest;
}

std::string id_of(const MasterKeys& master) {
  // Of both keys: the second one's digest is a part of the first one's.
  const auto inner = keyed_digest<32>(master.hashing, {"attune key id"});
  const auto outer = keyed_digest<32>(
      master.sealing, {"attune key id", {reinterpret_cast<const char*>(inner.data()), 32}});
  std::string id;
  for (int i = 0; i < 8; ++i) id += fmt::format("{:02x}", outer[static_cast<std::size_t>(i)]);
  return id;
}

Result<MasterKeys> make_master(const fs::path& path) {
  MasterKeys master;
  randombytes_buf(master.sealing.bytes.data(), kKeyBytes);
  randombytes_buf(master.hashing.bytes.data(), kKeyBytes);
  std::string payload(2 * kKeyBytes, '\0');
  std::memcpy(payload.data(), master.sealing.bytes.data(), kKeyBytes);
  std::memcpy(payload.data() + kKeyBytes, master.hashing.bytes.data(), kKeyBytes);
  const Status written = write_checked_file(path, kMagic, kVersion, payload, /*secret=*/true);
  sodium_memzero(payload.data(), payload.size());
  ATTUNE_RETURN_IF_ERROR(written);
  return master;
}

Result<MasterKeys> read_master(const fs::path& path) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) == 0 && (facts.st_mode & 077) != 0) {
    return std::unexpected(permission_denied(fmt::format(
        "{} can be read by others; close it with 'chmod 600 {}'", path.string(), path.string())));
  }
  ATTUNE_ASSIGN_OR_RETURN(CheckedBytes file, read_checked_file(path, kMagic, kVersion));
  if (file.payload.size() != 2 * kKeyBytes) {
    return std::unexpected(data_corruption(
        fmt::format("{} holds no master keys; restore it from a backup", path.string())));
  }
  MasterKeys master;
  std::memcpy(master.sealing.bytes.data(), file.payload.data(), kKeyBytes);
  std::memcpy(master.hashing.bytes.data(), file.payload.data() + kKeyBytes, kKeyBytes);
  sodium_memzero(file.payload.data(), file.payload.size());
  return master;
}

// The bytes that seal ties a text to, besides its key.
std::string associated(CustomerNumber customer, std::string_view field) {
  std::string data = "attune seal 1";
  data.append(reinterpret_cast<const char*>(&customer.value), sizeof customer.value);
  data.append(field);
  return data;
}

// An empty file that only its owner reads; SQLite gives its log the same mode.
Status make_private(const fs::path& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return std::unexpected(error_from_errno("create", path));
  ::close(file);
  return sync_path(path.parent_path());
}

Error mismatch(const fs::path& folder, std::string_view what) {
  return failed_precondition(
      fmt::format("the keys in {} do not fit: {}; put back the keys folder that belongs to this "
                  "data folder, or restore a backup that holds its keys",
                  folder.string(), what));
}

}  // namespace

std::string random_text(std::size_t bytes) {
  std::string random(bytes, '\0');
  randombytes_buf(random.data(), random.size());
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_encoded_len(bytes, kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), as_bytes(random), random.size(), kVariant);
  text.pop_back();  // its closing zero
  return text;
}

struct Vault::Impl {
  fs::path folder;
  MasterKeys master;
  std::string key_id;
  std::shared_mutex mutex;  // of everything below; shared: of keys at hand
  std::optional<State> customers;
  KeyCache cache;

  Status load(const VaultOptions& options);
  // Many threads that open much at once seldom wait for each other here.
  Result<SecretKey> key_of(CustomerNumber customer) {
    {
      const std::shared_lock lock(mutex);
      if (const SecretKey* known = cache.find(customer)) return *known;
    }
    const std::scoped_lock lock(mutex);
    return sealing_key(customer);
  }
  Result<SecretKey> sealing_key(CustomerNumber customer);
  SecretKey remember(CustomerNumber customer, std::string_view random);
  Status insert_keys(std::span<const CustomerNumber> numbers);
};

Status Vault::Impl::load(const VaultOptions& options) {
  const fs::path master_file = folder / kMasterName;
  const fs::path customers_file = folder / kCustomersName;
  const bool has_master = fs::exists(master_file);
  const bool has_customers = fs::exists(customers_file);
  if (!has_master) {
    if (has_customers) return std::unexpected(mismatch(folder, "master.key is missing"));
    if (options.key_id) {
      return std::unexpected(mismatch(folder, "there are none, and data sealed with them"));
    }
    if (!options.create) {
      return std::unexpected(not_found(fmt::format("there are no keys in {}", folder.string())));
    }
  }
  // Sealed data need keys in both files: a lost one is not made anew behind their back.
  if (options.key_id && !has_customers) {
    return std::unexpected(mismatch(folder, "customers.sqlite is missing"));
  }
  ATTUNE_ASSIGN_OR_RETURN(master, has_master ? read_master(master_file) : make_master(master_file));
  key_id = id_of(master);
  if (options.key_id && *options.key_id != key_id) {
    return std::unexpected(mismatch(
        folder,
        fmt::format("their id is {}, the data were sealed with {}", key_id, *options.key_id)));
  }
  if (!has_customers) ATTUNE_RETURN_IF_ERROR(make_private(customers_file));
  ATTUNE_ASSIGN_OR_RETURN(customers, State::open(customers_file, {.synchronous = Synchronous::full,
                                                                  .secure_delete = true,
                                                                  .vfs = options.vfs}));
  ATTUNE_RETURN_IF_ERROR(customers->migrate("vault", kVaultMigrations));
  ATTUNE_ASSIGN_OR_RETURN(Statement statement, customers->prepare("SELECT key_id FROM vault"));
  ATTUNE_ASSIGN_OR_RETURN(const bool found, statement.step());
  if (!found) {
    return customers->run("INSERT INTO vault VALUES (?)", std::string_view(key_id));
  }
  if (statement.text(0) != key_id) {
    return std::unexpected(mismatch(folder, "customers.sqlite belongs to other master keys"));
  }
  return {};
}

Result<SecretKey> Vault::Impl::sealing_key(CustomerNumber customer) {
  if (const SecretKey* known = cache.find(customer)) return *known;
  ATTUNE_ASSIGN_OR_RETURN(Statement statement,
                          customers->prepare("SELECT key FROM keys WHERE customer = ?"));
  ATTUNE_ASSIGN_OR_RETURN(const bool found, statement.bind_all(customer).step());
  if (!found) {
    return std::unexpected(
        not_found(fmt::format("there is no key for customer {}", customer.value)));
  }
  if (statement.is_null(0)) {
    return std::unexpected(failed_precondition(fmt::format(
        "the key of customer {} was destroyed: the customer is forgotten", customer.value)));
  }
  return remember(customer, statement.blob(0));
}

// The sealing key that comes of the customer's random one.
SecretKey Vault::Impl::remember(CustomerNumber customer, std::string_view random) {
  SecretKey key;
  key.bytes = keyed_digest<kKeyBytes>(
      master.sealing,
      {std::string_view(reinterpret_cast<const char*>(&customer.value), sizeof customer.value),
       random});
  cache.put(customer, key);
  return key;
}

Status Vault::Impl::insert_keys(std::span<const CustomerNumber> numbers) {
  std::vector<std::pair<CustomerNumber, SecretKey>> made;
  ATTUNE_ASSIGN_OR_RETURN(Transaction transaction, customers->begin());
  {
    ATTUNE_ASSIGN_OR_RETURN(
        Statement insert,
        customers->prepare("INSERT INTO keys VALUES (?, ?) ON CONFLICT (customer) DO NOTHING"));
    ATTUNE_ASSIGN_OR_RETURN(
        Statement destroyed,
        customers->prepare("SELECT 1 FROM keys WHERE customer = ? AND key IS NULL"));
    std::array<SecretKey, kDrawnKeys> drawn;  // the system is asked for many at once
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      if (i % kDrawnKeys == 0) randombytes_buf(drawn.data(), sizeof drawn);
      const CustomerNumber customer = numbers[i];
      const SecretKey& key = drawn[i % kDrawnKeys];
      ATTUNE_RETURN_IF_ERROR(insert.bind_all(customer, Blob{view_of(key)}).run());
      if (customers->changed_rows() != 0) {
        if (made.size() < KeyCache::kMax) made.emplace_back(customer, key);
        continue;
      }
      ATTUNE_ASSIGN_OR_RETURN(const bool gone, destroyed.bind_all(customer).step());
      destroyed.reset();
      if (gone) {
        return std::unexpected(failed_precondition(fmt::format(
            "the key of customer {} was destroyed and is not made again", customer.value)));
      }
    }
  }
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  // Who makes keys is about to seal with them.
  for (const auto& [customer, key] : made) remember(customer, view_of(key));
  return {};
}

Vault::Vault(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Vault::Vault(Vault&&) noexcept = default;
Vault& Vault::operator=(Vault&&) noexcept = default;
Vault::~Vault() = default;

Result<Vault> Vault::open(const fs::path& keys_folder, const VaultOptions& options) {
  if (sodium_init() < 0) return std::unexpected(internal_error("libsodium does not start"));
  auto impl = std::make_unique<Impl>();
  impl->folder = keys_folder;
  ATTUNE_RETURN_IF_ERROR(impl->load(options));
  return Vault(std::move(impl));
}

const std::string& Vault::key_id() const { return impl_->key_id; }

Hash128 Vault::keyed_hash(std::string_view domain, std::string_view identifier) const {
  const auto digest = keyed_digest<16>(impl_->master.hashing, {domain, identifier});
  Hash128 hash;
  std::memcpy(&hash.high, digest.data(), 8);
  std::memcpy(&hash.low, digest.data() + 8, 8);
  return hash;
}

Status Vault::create_keys(std::span<const CustomerNumber> customers) {
  const std::scoped_lock lock(impl_->mutex);
  return impl_->insert_keys(customers);
}

Result<std::string> Vault::seal(CustomerNumber customer, std::string_view field,
                                std::string_view plaintext) {
  const Result<SecretKey> key = impl_->key_of(customer);
  if (!key) return std::unexpected(key.error());
  std::string sealed(plaintext.size() + kOverhead, '\0');
  sealed[0] = kSealVersion;
  auto* nonce = reinterpret_cast<unsigned char*>(sealed.data()) + 1;
  randombytes_buf(nonce, kNonceBytes);
  const std::string data = associated(customer, field);
  crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + kNonceBytes, nullptr, as_bytes(plaintext),
                                             plaintext.size(), as_bytes(data), data.size(), nullptr,
                                             nonce, key->bytes.data());
  return sealed;
}

Result<std::string> Vault::open(CustomerNumber customer, std::string_view field,
                                std::string_view sealed) {
  const Result<SecretKey> key = impl_->key_of(customer);
  if (!key) return std::unexpected(key.error());
  if (sealed.size() >= kOverhead && sealed[0] == kSealVersion) {
    const unsigned char* nonce = as_bytes(sealed) + 1;
    const std::string data = associated(customer, field);
    std::string plaintext(sealed.size() - kOverhead, '\0');
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(
            reinterpret_cast<unsigned char*>(plaintext.data()), nullptr, nullptr,
            nonce + kNonceBytes, sealed.size() - 1 - kNonceBytes, as_bytes(data), data.size(),
            nonce, key->bytes.data()) == 0) {
      return plaintext;
    }
  }
  return std::unexpected(data_corruption(
      fmt::format("the sealed field '{}' of customer {} cannot be opened: it was altered, or "
                  "sealed for something else",
                  field, customer.value)));
}

Status Vault::warm(std::span<const CustomerNumber> customers) {
  const std::scoped_lock lock(impl_->mutex);
  std::vector<CustomerNumber> missing;
  for (const CustomerNumber customer : customers) {
    if (impl_->cache.find(customer) == nullptr) missing.push_back(customer);
  }
  if (missing.empty()) return {};
  ATTUNE_ASSIGN_OR_RETURN(
      Statement rows,
      impl_->customers->prepare("SELECT customer, key FROM keys WHERE customer BETWEEN ? AND ? AND "
                                "key IS NOT NULL ORDER BY customer"));
  rows.bind_all(missing.front(), missing.back());
  if (impl_->cache.size() + missing.size() > KeyCache::kMax) {
    impl_->cache.clear();
    missing.assign(customers.begin(), customers.end());
    rows.bind_all(missing.front(), missing.back());
  }
  int passed = 0;  // keys of others in a row
  for (std::size_t next = 0; next < missing.size();) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) break;
    const CustomerNumber customer{rows.int64(0)};
    while (next < missing.size() && missing[next] < customer) ++next;
    if (next == missing.size()) break;
    if (missing[next] == customer) {
      passed = 0;
      impl_->remember(customer, rows.blob(1));
    } else if (++passed == kPassed) {
      passed = 0;
      rows.reset();
      rows.bind_all(missing[next], missing.back());
    }
  }
  return {};
}

Status Vault::destroy(std::span<const CustomerNumber> customers) {
  const std::scoped_lock lock(impl_->mutex);
  State& state = *impl_->customers;
  {
    ATTUNE_ASSIGN_OR_RETURN(Transaction transaction, state.begin());
    for (const CustomerNumber customer : customers) {
      // The row is rewritten shorter; secure_delete overwrites what it leaves.
      ATTUNE_RETURN_IF_ERROR(
          state.run("INSERT INTO keys VALUES (?, NULL) ON CONFLICT (customer) DO UPDATE"
                    " SET key = NULL",
                    customer));
    }
    ATTUNE_RETURN_IF_ERROR(transaction.commit());
  }
  impl_->cache.clear();
  // Frames of the log may hold the page as it was: they go too.
  return state.checkpoint();
}

Result<bool> Vault::is_destroyed(CustomerNumber customer) {
  const std::scoped_lock lock(impl_->mutex);
  ATTUNE_ASSIGN_OR_RETURN(
      const auto found,
      impl_->customers->find_int64("SELECT key IS NULL FROM keys WHERE customer = ?", customer));
  return found.value_or(0) != 0;
}

Status Vault::end_at(CustomerNumber last) {
  const std::scoped_lock lock(impl_->mutex);
  ATTUNE_RETURN_IF_ERROR(impl_->customers->run("DELETE FROM keys WHERE customer > ?", last));
  if (impl_->customers->changed_rows() > 0) impl_->cache.clear();
  return {};
}

Status Vault::copy_to(const fs::path& folder) {
  const std::scoped_lock lock(impl_->mutex);
  const int master = ::open((impl_->folder / kMasterName).c_str(), O_RDONLY | O_CLOEXEC);
  if (master < 0) return std::unexpected(error_from_errno("open", impl_->folder / kMasterName));
  const Status copied = copy_descriptor(master, folder / kMasterName, /*secret=*/true);
  ::close(master);
  ATTUNE_RETURN_IF_ERROR(copied);
  const fs::path copy = folder / kCustomersName;
  ATTUNE_RETURN_IF_ERROR(impl_->customers->copy_to(copy));
  if (::chmod(copy.c_str(), 0600) != 0) {
    return std::unexpected(error_from_errno("restrict", copy));
  }
  return {};
}

}  // namespace attune::store
