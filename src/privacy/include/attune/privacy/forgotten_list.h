// Whom the shop has forgotten. Answers: may this id come back in?
//
// A keyed hash of every id of everybody who was forgotten, and the internal numbers that they had,
// in a file of its own that lies beside the keys and in no backup: a backup that was made before
// somebody was forgotten is told by it. The hashes cannot be led back to ids without the master
// keys.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/events/identity.h"

namespace attune::privacy {

struct ForgottenId {
  events::IdKey id;
  Sequence at;  // the number in the journal under which it was forgotten
  friend bool operator==(const ForgottenId&, const ForgottenId&) = default;
};

struct ForgottenNumber {
  CustomerNumber customer;
  Sequence at;
  friend bool operator==(const ForgottenNumber&, const ForgottenNumber&) = default;
};

// Invariants: (1) what add returned good for is on disk; (2) an id keeps the place in the journal
// under which it was forgotten first, an internal number the last one. Memory: about 40 bytes an
// id. Cost of a look-up: one hash. Threads: look-ups from any; add and end_at one at a time.
class ForgottenList final : public events::ForgottenIds {
 public:
  // A file that is not there is an empty list; add makes it (mode 0600). Errors: those of State.
  static Result<ForgottenList> open(std::filesystem::path file);
  ForgottenList(ForgottenList&&) noexcept;
  ForgottenList& operator=(ForgottenList&&) noexcept;
  ~ForgottenList() override;

  bool empty() const override;
  std::optional<Sequence> forgotten_at(const events::IdKey& id) const override;
  std::vector<ForgottenId> list() const;         // by kind and hash
  std::vector<ForgottenNumber> numbers() const;  // ascending
  std::size_t size() const;                      // ids

  // One customer, forgotten at `at`. Errors: those of State; nothing is added then.
  Status add(Sequence at, std::span<const events::IdKey> ids,
             std::span<const CustomerNumber> numbers);
  // What lies beyond the journal's end is of a journal that was lost: ids count as forgotten at the
  // end of this one, numbers are given again and let go.
  Status end_at(Sequence last);

 private:
  struct Impl;
  explicit ForgottenList(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace attune::privacy
