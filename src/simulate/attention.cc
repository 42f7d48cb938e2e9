#include "attention.h"

#include <algorithm>
#include <iterator>

namespace attune::simulate {

void Attention::put(std::int64_t customer, std::size_t treatment, Purpose purpose,
                    std::int64_t day) {
  ReadMessage& message = waiting_.emplace_back();
  message.customer = customer;
  message.treatment = treatment;
  message.purpose = purpose;
  message.day = day;
}

std::vector<ReadMessage> Attention::read_on(std::int64_t day) {
  const auto later = std::ranges::stable_partition(
      waiting_, [&](const ReadMessage& message) { return message.day <= day; });
  std::vector<ReadMessage> today(std::make_move_iterator(waiting_.begin()),
                                 std::make_move_iterator(later.begin()));
  waiting_.erase(waiting_.begin(), later.begin());
  std::ranges::stable_sort(today, {}, &ReadMessage::customer);
  for (ReadMessage& message : today) {
    std::vector<std::int64_t>& read = days_read_[message.customer];
    message.number = read.size();
    read.push_back(day);
    const auto since = static_cast<double>(day) - parameters_.patience_days;
    message.recent = static_cast<int>(std::ranges::count_if(
        read, [&](std::int64_t other) { return static_cast<double>(other) > since; }));
  }
  return today;
}

}  // namespace attune::simulate
