// What a decision writes to the log. Answers: what was shown, out of what, how probable was it, and
// would the same come out again?
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/decide/policy.h"

namespace attune::decide {

inline constexpr std::size_t kMaxShortlist = 100;
inline constexpr std::size_t kMaxDecisionBytes = 1 << 20;
inline constexpr std::size_t kDecisionIdLength = 26;

// Invariants: (1) `shortlist` is sorted best first, what may not be shown is left out, at most
// kMaxShortlist, scores finite; (2) `chosen` names different candidates of the shortlist, in the
// order shown, as choose() gives them for policy and seed; (3) texts are UTF-8.
struct Decision {
  std::string id;  // of make_id
  Timestamp time;
  std::string surface;  // where it is shown: "home", "basket", "email"
  std::uint64_t seed = 0;
  std::string policy;  // of print_policy
  std::string model;   // the recommender that gave the scores
  int model_version = 0;
  bool personal = true;            // false: made without the customer's data
  std::vector<std::string> notes;  // "3 items out of stock left out", for people
  std::vector<Candidate> shortlist;
  std::vector<Choice> chosen;
  friend bool operator==(const Decision&, const Decision&) = default;
};

// One line of JSON. Numbers read back as the same numbers; the seed is written as text, because
// many readers of JSON keep 53 bits; shortlist as [item, score], chosen as [candidate, item,
// probability], so that the list can be read without the shortlist.
// Missing values: a score or probability that is not finite becomes null, which is refused on the
// way back; text that is not UTF-8 is mended with U+FFFD.
std::string to_json(const Decision& decision);

// Reads what to_json wrote, from bytes that nobody vouches for.
// Errors: data_corruption that names the member, for anything else than such an object: members
// missing, unknown, repeated or of another type, numbers out of range, a chosen item that is not
// the shortlist's, more than kMaxDecisionBytes. The policy is not looked into: see replay.
Result<Decision> parse_decision(std::string_view json);

// Chooses again from the logged shortlist, with the logged policy and seed, as many as were chosen.
// Errors: data_corruption that names the first position that differs with both items, or both
// probabilities (more than 1e-12 of the value apart), or a policy that does not exist.
Status replay(const Decision& decision);

// A ULID: 10 characters of milliseconds and 16 of chance in Crockford's base 32, so that ids sort
// by time. `random_high` gives its low 16 bits, `random_low` all 64. Times before 1970 count as
// 1970.
std::string make_id(Timestamp now, std::uint64_t random_high, std::uint64_t random_low);
bool is_id(std::string_view text);

}  // namespace attune::decide
