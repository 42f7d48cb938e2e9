#include "attune/profiles/value_counts.h"

#include <algorithm>

#include "attune/base/error.h"
#include "blob_bytes.h"
#include "sorted.h"

namespace attune::profiles {
namespace {

constexpr std::int64_t kMostCustomers = std::int64_t{1} << 32;

}  // namespace

ValueCounts::ValueCounts(std::span<const std::int64_t> values) {
  fresh_.reserve(values.size());
  for (const std::int64_t value : values) fresh_.push_back({value, 1});
}

void ValueCounts::add(std::int64_t value, std::int64_t times) { fresh_.push_back({value, times}); }

void ValueCounts::merge(const ValueCounts& other) {
  fresh_.insert(fresh_.end(), other.counts_.begin(), other.counts_.end());
  fresh_.insert(fresh_.end(), other.fresh_.begin(), other.fresh_.end());
}

void ValueCounts::settle() {
  if (fresh_.empty()) return;
  std::ranges::sort(fresh_, {}, &Entry::value);
  unite(counts_, fresh_, &Entry::value,
        [](Entry& a, const Entry& b) { a.count = wrap_add(a.count, b.count); });
  fresh_.clear();
  // `fresh_` may hold a value more than once, and counts that cancel.
  std::size_t kept = 0;
  for (const Entry& entry : counts_) {
    if (kept > 0 && counts_[kept - 1].value == entry.value) {
      counts_[kept - 1].count = wrap_add(counts_[kept - 1].count, entry.count);
    } else {
      counts_[kept++] = entry;
    }
    if (counts_[kept - 1].count == 0) --kept;
  }
  counts_.resize(kept);
}

bool ValueCounts::empty() {
  settle();
  return counts_.empty();
}

bool ValueCounts::holds() {
  settle();
  return std::ranges::all_of(counts_, [](const Entry& entry) { return entry.count > 0; });
}

bool ValueCounts::lies_between(std::int64_t least, std::int64_t most) {
  settle();
  return counts_.empty() || (counts_.front().value >= least && counts_.back().value <= most);
}

std::int64_t ValueCounts::total() {
  settle();
  std::int64_t total = 0;
  for (const Entry& entry : counts_) total = wrap_add(total, entry.count);
  return total;
}

std::int64_t ValueCounts::at(std::int64_t place) {
  settle();
  for (const Entry& entry : counts_) {
    if (place < entry.count) return entry.value;
    place -= entry.count;
  }
  ATTUNE_CHECK(false, "a place lies within the multiset");
  return 0;
}

std::int64_t ValueCounts::below(std::int64_t value) {
  settle();
  std::int64_t total = 0;
  for (const Entry& entry : counts_) {
    if (entry.value >= value) break;
    total = wrap_add(total, entry.count);
  }
  return total;
}

void ValueCounts::write(BlobWriter& out) {
  settle();
  out.varint(counts_.size());
  std::int64_t previous = 0;
  for (const Entry& entry : counts_) {
    out.zigzag(wrap_subtract(entry.value, std::exchange(previous, entry.value)));
    out.zigzag(entry.count);
  }
}

void ValueCounts::read(BlobReader& in) {
  const std::size_t n = in.count(2);
  counts_.clear();
  counts_.reserve(n);
  std::int64_t value = 0;
  for (std::size_t i = 0; i < n && in.failure() == nullptr; ++i) {
    value = wrap_add(value, in.zigzag());
    const std::int64_t count = in.zigzag();
    in.require(counts_.empty() || counts_.back().value < value, "damaged: values do not ascend");
    in.require(count != 0 && count > -kMostCustomers && count < kMostCustomers,
               "damaged: a count out of range");
    counts_.push_back({value, count});
  }
  if (in.failure() != nullptr) counts_.clear();
}

}  // namespace attune::profiles
