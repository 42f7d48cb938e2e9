// The proof that a customer was forgotten. Answers: what was destroyed where, and what remains
// until when?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"

namespace attune::engine {

// Holds nothing personal: neither an id nor a hash of one.
struct ErasureReceipt {
  Sequence number;  // of the journal's entry that tells of it
  Timestamp time;
  std::int64_t identifiers =
      0;  // ids that named the customer; all of them are kept out from now on
  // What held anything of the customer, with the rows, keys or messages that went or were emptied.
  struct Holder {
    std::string name;
    std::int64_t touched = 0;
    friend bool operator==(const Holder&, const Holder&) = default;
  };
  std::vector<Holder> holders;
  // Files of the journal hold what the customer did until they are deleted by age, at the latest
  // then.
  Timestamp journal_until;
  friend bool operator==(const ErasureReceipt&, const ErasureReceipt&) = default;
};

std::string to_json(const ErasureReceipt& receipt);
// Errors: data_corruption.
Result<ErasureReceipt> parse_receipt(std::string_view json);

}  // namespace attune::engine
