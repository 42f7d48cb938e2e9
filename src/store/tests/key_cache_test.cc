#include "key_cache.h"

#include <map>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace attune::store {
namespace {

SecretKey key_of(std::int64_t number) {
  SecretKey key;
  for (int i = 0; i < 8; ++i)
    key.bytes[static_cast<std::size_t>(i)] = static_cast<unsigned char>(number >> (8 * i));
  return key;
}

TEST(KeyCache, KnowsNobodyAtFirst) {
  const KeyCache cache;
  EXPECT_EQ(cache.find({1}), nullptr);
  EXPECT_EQ(cache.find({0}), nullptr);
  EXPECT_EQ(cache.size(), 0u);
}

TEST(KeyCache, KeepsNothingForTheNumberThatMarksAFreePlace) {
  KeyCache cache;
  cache.put({INT64_MIN}, key_of(1));
  EXPECT_EQ(cache.find({INT64_MIN}), nullptr);
  cache.put({1}, key_of(1));
  EXPECT_EQ(cache.find({INT64_MIN}), nullptr);
  EXPECT_EQ(cache.size(), 1u);
}

// Against a map: any numbers, those that share a place too, and some twice.
RC_GTEST_PROP(KeyCacheProperty, FindsWhatWasPut, ()) {
  KeyCache cache;
  std::map<std::int64_t, std::int64_t> model;
  const auto numbers = *rc::gen::container<std::vector<std::int64_t>>(
      rc::gen::oneOf(rc::gen::inRange<std::int64_t>(-20, 200), rc::gen::arbitrary<std::int64_t>()));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] == INT64_MIN) continue;
    const auto value = static_cast<std::int64_t>(i);
    cache.put({numbers[i]}, key_of(value));
    model[numbers[i]] = value;
  }
  RC_ASSERT(cache.size() == model.size());
  for (const auto& [number, value] : model) {
    RC_ASSERT(cache.find({number}) != nullptr);
    RC_ASSERT(cache.find({number})->bytes == key_of(value).bytes);
  }
  RC_ASSERT(cache.find({1'000}) == nullptr || model.contains(1'000));
}

TEST(KeyCache, LetsGoOfAllWhereThereIsNoRoom) {
  KeyCache cache;
  const auto most = static_cast<std::int64_t>(KeyCache::kMax);
  for (std::int64_t i = 0; i < most; ++i) cache.put({i}, key_of(i));
  EXPECT_EQ(cache.size(), KeyCache::kMax);
  EXPECT_NE(cache.find({0}), nullptr);
  cache.put({most}, key_of(most));
  EXPECT_EQ(cache.size(), 1u);
  EXPECT_EQ(cache.find({0}), nullptr);
  EXPECT_EQ(cache.find({most})->bytes, key_of(most).bytes);
  cache.clear();
  EXPECT_EQ(cache.find({most}), nullptr);
}

}  // namespace
}  // namespace attune::store
