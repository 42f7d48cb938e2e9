#include "profile_rows.h"

#include <algorithm>
#include <utility>

namespace attune::profiles {

Status ProfileRows::Source::step() {
  ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
  at.reset();
  if (more) at = CustomerNumber{rows.int64(0)};
  return {};
}

ProfilePart ProfileRows::Source::part_of(CustomerNumber customer) const {
  return at == customer ? ProfilePart{rows.blob(1), rows.blob(2)} : ProfilePart();
}

Result<ProfileRows> ProfileRows::open(store::State& state, CustomerNumber first,
                                      CustomerNumber last) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement settled,
      state.prepare("SELECT customer, blob, searches FROM profile_blobs WHERE customer BETWEEN "
                    "?1 AND ?2 ORDER BY customer"));
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement fresh,
      state.prepare("SELECT customer, blob, searches FROM fresh_profiles WHERE customer BETWEEN "
                    "?1 AND ?2 ORDER BY customer"));
  settled.bind_all(first, last);
  fresh.bind_all(first, last);
  ProfileRows rows(std::move(settled), std::move(fresh));
  ATTUNE_RETURN_IF_ERROR(rows.settled_.step());
  ATTUNE_RETURN_IF_ERROR(rows.fresh_.step());
  return rows;
}

Result<std::optional<ProfileRow>> ProfileRows::next() {
  for (Source* source : {&settled_, &fresh_}) {
    if (given_ && source->at == given_) ATTUNE_RETURN_IF_ERROR(source->step());
  }
  given_.reset();
  for (const Source* source : {&settled_, &fresh_}) {
    if (source->at && (!given_ || *source->at < *given_)) given_ = source->at;
  }
  if (!given_) return std::optional<ProfileRow>();
  return std::optional(ProfileRow{*given_, settled_.part_of(*given_), fresh_.part_of(*given_)});
}

}  // namespace attune::profiles
