// The stored parts of profiles, read together. Private to profiles.
#pragma once

#include <optional>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/store/state.h"

namespace attune::profiles {

// Bytes of one part; empty: there is none.
struct ProfilePart {
  std::string_view blob, searches;
};

// What is stored of one customer: what was settled, and what came since.
struct ProfileRow {
  CustomerNumber customer;
  ProfilePart settled, fresh;
};

// Everybody of whom something is stored, ascending, from `first` to `last`.
// Lifetime: as the state's statements. Threads: as State.
class ProfileRows {
 public:
  static Result<ProfileRows> open(store::State& state, CustomerNumber first, CustomerNumber last);

  // The views hold until the next call. Absent after the last.
  Result<std::optional<ProfileRow>> next();

 private:
  struct Source {
    store::Statement rows;
    std::optional<CustomerNumber> at;  // absent after the last row
    Status step();
    ProfilePart part_of(CustomerNumber customer) const;
  };
  ProfileRows(store::Statement settled, store::Statement fresh)
      : settled_{std::move(settled), {}}, fresh_{std::move(fresh), {}} {}

  Source settled_, fresh_;
  std::optional<CustomerNumber> given_;
};

}  // namespace attune::profiles
