#include "attune/privacy/forgotten_list.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "attune/base/files.h"
#include "attune/store/state.h"

namespace attune::privacy {
namespace {

using events::IdKey;
using events::IdKind;

constexpr store::Migration kForgottenListMigrations[] = {{1, R"sql(
CREATE TABLE suppressed(
  kind INTEGER NOT NULL, hash BLOB NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY(kind, hash)) WITHOUT ROWID;
CREATE TABLE numbers(customer INTEGER PRIMARY KEY, at INTEGER NOT NULL);
)sql"}};

// Keyed hashes are as good as random.
struct HashOfKey {
  std::size_t operator()(const IdKey& id) const {
    return id.fingerprint.low ^ static_cast<std::size_t>(id.kind);
  }
};

// An empty file that only its owner reads.
Status make_private(const std::filesystem::path& file) {
  const int made = ::open(file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (made < 0) return std::unexpected(error_from_errno("create", file));
  ::close(made);
  return sync_path(file.parent_path());
}

}  // namespace

struct ForgottenList::Impl {
  std::filesystem::path file;
  std::optional<store::State> state;  // absent while there is no file
  mutable std::shared_mutex mutex;    // of `ids`
  std::unordered_map<IdKey, Sequence, HashOfKey> ids;
  std::map<CustomerNumber, Sequence> numbers;

  Status load() {
    ATTUNE_ASSIGN_OR_RETURN(
        state, store::State::open(
                   file, {.synchronous = store::Synchronous::full, .cache_bytes = 1 << 20}));
    ATTUNE_RETURN_IF_ERROR(state->migrate("suppression", kForgottenListMigrations));
    ATTUNE_ASSIGN_OR_RETURN(store::Statement rows,
                            state->prepare("SELECT kind, hash, at FROM suppressed"));
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
      if (!more) break;
      IdKey id{static_cast<IdKind>(rows.int64(0)), {}};
      const std::string_view hash = rows.blob(1);
      if (hash.size() != sizeof id.fingerprint) {
        return std::unexpected(data_corruption(
            file.string() + " holds a hash of another length; restore the keys folder"));
      }
      std::memcpy(&id.fingerprint, hash.data(), sizeof id.fingerprint);
      ids.emplace(id, Sequence{rows.int64(2)});
    }
    ATTUNE_ASSIGN_OR_RETURN(store::Statement all,
                            state->prepare("SELECT customer, at FROM numbers"));
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, all.step());
      if (!more) return {};
      numbers.emplace(CustomerNumber{all.int64(0)}, Sequence{all.int64(1)});
    }
  }
};

ForgottenList::ForgottenList(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ForgottenList::ForgottenList(ForgottenList&&) noexcept = default;
ForgottenList& ForgottenList::operator=(ForgottenList&&) noexcept = default;
ForgottenList::~ForgottenList() = default;

Result<ForgottenList> ForgottenList::open(std::filesystem::path file) {
  auto impl = std::make_unique<Impl>();
  impl->file = std::move(file);
  std::error_code ignored;
  if (std::filesystem::exists(impl->file, ignored)) ATTUNE_RETURN_IF_ERROR(impl->load());
  return ForgottenList(std::move(impl));
}

bool ForgottenList::empty() const { return size() == 0; }

std::size_t ForgottenList::size() const {
  const std::shared_lock lock(impl_->mutex);
  return impl_->ids.size();
}

std::optional<Sequence> ForgottenList::forgotten_at(const IdKey& id) const {
  const std::shared_lock lock(impl_->mutex);
  const auto found = impl_->ids.find(id);
  return found == impl_->ids.end() ? std::nullopt : std::optional(found->second);
}

std::vector<ForgottenId> ForgottenList::list() const {
  std::vector<ForgottenId> all;
  {
    const std::shared_lock lock(impl_->mutex);
    for (const auto& [id, at] : impl_->ids) all.push_back({id, at});
  }
  std::ranges::sort(all, {}, &ForgottenId::id);
  return all;
}

std::vector<ForgottenNumber> ForgottenList::numbers() const {
  const std::shared_lock lock(impl_->mutex);
  std::vector<ForgottenNumber> all;
  for (const auto& [customer, at] : impl_->numbers) all.push_back({customer, at});
  return all;
}

Status ForgottenList::add(Sequence at, std::span<const IdKey> ids,
                          std::span<const CustomerNumber> numbers) {
  Impl& self = *impl_;
  if (!self.state) {
    ATTUNE_RETURN_IF_ERROR(make_private(self.file));
    ATTUNE_RETURN_IF_ERROR(self.load());
  }
  ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, self.state->begin());
  for (const IdKey& id : ids) {
    const std::string_view hash(reinterpret_cast<const char*>(&id.fingerprint),
                                sizeof id.fingerprint);
    ATTUNE_RETURN_IF_ERROR(
        self.state->run("INSERT OR IGNORE INTO suppressed(kind, hash, at) VALUES(?1, ?2, ?3)",
                        static_cast<std::int64_t>(id.kind), store::Blob{hash}, at));
  }
  for (const CustomerNumber number : numbers) {
    ATTUNE_RETURN_IF_ERROR(
        self.state->run("INSERT OR REPLACE INTO numbers(customer, at) VALUES(?1, ?2)", number, at));
  }
  ATTUNE_RETURN_IF_ERROR(transaction.commit());
  const std::unique_lock lock(self.mutex);
  for (const IdKey& id : ids) self.ids.emplace(id, at);
  for (const CustomerNumber number : numbers) self.numbers.insert_or_assign(number, at);
  // So that the file alone holds all of it, for who copies it beside a restored backup.
  return self.state->checkpoint();
}

Status ForgottenList::end_at(Sequence last) {
  Impl& self = *impl_;
  if (!self.state) return {};
  for (const char* sql :
       {"UPDATE suppressed SET at = ?1 WHERE at > ?1", "DELETE FROM numbers WHERE customer > ?1",
        "UPDATE numbers SET at = ?1 WHERE at > ?1"})
    ATTUNE_RETURN_IF_ERROR(self.state->run(sql, last));
  const std::unique_lock lock(self.mutex);
  for (auto& [id, at] : self.ids) at = std::min(at, last);
  std::erase_if(self.numbers, [&](const auto& one) { return one.first.value > last.value; });
  for (auto& [customer, at] : self.numbers) at = std::min(at, last);
  return {};
}

}  // namespace attune::privacy
