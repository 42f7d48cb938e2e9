// What every holder of personal data implements. Answers: is this customer forgotten here?
#pragma once

#include <string>

#include "attune/base/error.h"
#include "attune/base/ids.h"

namespace attune {

// Invariant: after `forget` returns, nothing the holder serves or writes tells that the customer
// existed.
class Erasable {
 public:
  virtual ~Erasable() = default;

  // Name for the receipt: "state", "quarantine", "model ials/3".
  virtual std::string holder_name() const = 0;
  // Removes what is held of the customer; gives the number of rows or files touched. Forgetting
  // twice is no error.
  virtual Result<std::int64_t> forget(CustomerNumber customer) = 0;
};

}  // namespace attune
