// What customers have been sent. Answers: which messages are read today, and are they too many?
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "attune/simulate/response.h"
#include "record.h"

namespace attune::simulate {

// A message as the customer gets to see it.
struct ReadMessage {
  std::int64_t customer = 0;
  std::size_t treatment = 0;
  Purpose purpose = Purpose::email;  // that a withdrawal names
  std::int64_t day = 0;
  std::uint64_t number = 0;  // of the customer's messages, from 0
  int recent = 0;            // messages within patience_days, this one among them
};

// Invariant: what is asked of one customer depends on that customer's messages alone, in the order
// in which they were sent.
class Attention {
 public:
  explicit Attention(ResponseParameters parameters) : parameters_(std::move(parameters)) {}

  const ResponseParameters& parameters() const { return parameters_; }
  // `day`: on which it is read; not before the last day that `read_on` was asked for.
  void put(std::int64_t customer, std::size_t treatment, Purpose purpose, std::int64_t day);
  // What is read on `day` or was to be read before, by customer.
  std::vector<ReadMessage> read_on(std::int64_t day);

 private:
  ResponseParameters parameters_;
  std::vector<ReadMessage> waiting_;
  std::unordered_map<std::int64_t, std::vector<std::int64_t>> days_read_;  // by customer
};

}  // namespace attune::simulate
