#include "attune/events/staged_import.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <stdlib.h>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "attune/base/files.h"
#include "attune/base/random.h"
#include "attune/events/event_bundle.h"
#include "attune/events/row_key.h"

namespace attune::events {
namespace {

namespace fs = std::filesystem;

class StagedImportTest : public testing::Test {
 protected:
  StagedImportTest() {
    std::string pattern = testing::TempDir() + "attune-staged-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~StagedImportTest() override { fs::remove_all(folder_); }
  // Of the next import.
  fs::path place() { return folder_ / fmt::format("{}", imports_++); }

 private:
  fs::path folder_;
  int imports_ = 0;
};

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(to_string(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Rows of few names, so that everything is said again: repeats, traits that change back, ids known
// by two names, consents.
class Rows {
 public:
  explicit Rows(std::size_t count, std::uint64_t seed = 5) : random_(seed) {
    for (std::size_t i = 0; i < 12; ++i) words_.push_back(fmt::format("名{}", i));
    attributes_.reserve(4 * count);
    for (std::size_t i = 0; i < count; ++i) add();
  }
  std::span<const Event> events() const { return events_; }

 private:
  std::string_view word(std::uint64_t of = 12) { return words_[random_.below(of)]; }
  bool one_in(std::uint64_t n) { return random_.below(n) == 0; }
  std::span<const Attribute> some_attributes() {
    const std::size_t begin = attributes_.size();
    for (std::uint64_t i = random_.below(3); i > 0; --i)
      attributes_.push_back({word(3), one_in(5) ? std::string_view() : word()});
    return std::span(attributes_).subspan(begin);
  }
  void add() {
    if (!events_.empty() && one_in(10)) {
      events_.push_back(events_[random_.below(events_.size())]);
      return;
    }
    constexpr std::array kTypes{
        EventType::view,        EventType::purchase,      EventType::purchase,
        EventType::alias,       EventType::consent_given, EventType::consent_withdrawn,
        EventType::unsubscribe, EventType::item_changed,  EventType::customer_changed};
    Event event;
    event.type = kTypes[random_.below(kTypes.size())];
    event.time = Timestamp{static_cast<std::int64_t>(random_.below(40)) * 1'000'000};
    if (one_in(4)) event.event_id = word();
    if (!one_in(4)) event.customer = word();
    if (one_in(3)) event.anonymous = word();
    if (!one_in(4)) event.item = word();
    if (one_in(2)) event.order = word();
    if (one_in(6)) event.session = word();
    if (one_in(9)) event.properties = R"({"purpose":"mail"})";
    if (one_in(9)) event.text = word();
    event.source = word(2);
    event.channel = word(2);
    if (one_in(2)) event.quantity = static_cast<double>(random_.below(3));
    event.item_attributes = some_attributes();
    event.customer_attributes = some_attributes();
    events_.push_back(event);
  }

  Rng random_;
  std::vector<std::string> words_;
  std::vector<Attribute> attributes_;
  std::vector<Event> events_;
};

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& file : fs::directory_iterator(folder))
    files[file.path().filename().string()] = must(read_file(file.path()));
  return files;
}

struct Outcome {
  std::map<std::string, std::string> files;
  std::vector<Staged> rows;
};

Outcome one_by_one(const fs::path& folder, std::span<const Event> events,
                   const StagedImportWriter::Options& options) {
  Outcome outcome;
  auto writer = must(StagedImportWriter::create(folder, options));
  writer.begin_file();
  for (const Event& event : events) outcome.rows.push_back(must(writer.add(event)));
  must(writer.finish());
  outcome.files = files_of(folder);
  return outcome;
}

Outcome in_batches(const fs::path& folder, std::span<const Event> events, std::size_t batch,
                   const StagedImportWriter::Options& options) {
  Outcome outcome;
  auto writer = must(StagedImportWriter::create(folder, options));
  writer.begin_file();
  for (std::size_t at = 0; at < events.size(); at += batch) {
    const auto rows = events.subspan(at, std::min(batch, events.size() - at));
    std::vector<Hash128> prints;
    for (const Event& event : rows) prints.push_back(fingerprint(event));
    const StagedImportWriter::Sorted sorted = writer.sort_out(rows, prints);
    std::vector<Staged> outcomes(rows.size(), Staged::kept);
    for (const auto& [index, why] : sorted.left_out) outcomes[index] = why;
    outcome.rows.insert(outcome.rows.end(), outcomes.begin(), outcomes.end());
    must(writer.add(bundle_rows(rows, sorted.kept)));
  }
  must(writer.finish());
  outcome.files = files_of(folder);
  return outcome;
}

TEST_F(StagedImportTest, BatchesOfAnySizeGiveTheFilesOfRowsOneByOne) {
  const Rows rows(3'000);
  KeySet known;
  const Rows before(40);
  for (const Event& event : before.events()) known.insert(key_of(event, fingerprint(event), 0));
  for (const bool keep_repeats : {false, true}) {
    const StagedImportWriter::Options options{
        .keep_repeats = keep_repeats, .known = &known, .forgets = [](const Event& event) {
          return event.customer == "名7";
        }};
    const Outcome expected = one_by_one(place(), rows.events(), options);
    for (const Staged outcome :
         {Staged::kept, Staged::repeated_event_id, Staged::already_known, Staged::forgotten})
      EXPECT_THAT(expected.rows, testing::Contains(outcome));
    EXPECT_EQ(std::ranges::count(expected.rows, Staged::exact_duplicate) > 0, !keep_repeats);
    for (const std::size_t batch : {1, 7, 500, 3'000}) {
      const Outcome got = in_batches(place(), rows.events(), batch, options);
      EXPECT_EQ(got.rows, expected.rows) << batch;
      EXPECT_EQ(got.files, expected.files) << batch;
    }
  }
}

TEST_F(StagedImportTest, ChunksAreFullWhateverTheBatches) {
  const Rows rows(2 * kStagedRows / 10);
  std::vector<Event> many;  // every row of another second, so that all of them are kept
  for (std::size_t i = 0; i < 2 * kStagedRows + 5; ++i) {
    many.push_back(rows.events()[i % rows.events().size()]);
    many.back().time = Timestamp{static_cast<std::int64_t>(i) * 1'000'000};
    many.back().event_id = {};
  }
  const Outcome expected = one_by_one(place(), many, {});
  const fs::path batches = place();
  const Outcome got = in_batches(batches, many, 50'001, {});
  EXPECT_EQ(got.files.size(), 4u);  // entities and three chunks
  EXPECT_EQ(got.files, expected.files);
  const StagedImport import = must(StagedImport::open(batches));
  ASSERT_EQ(import.chunks(), 3u);
  EXPECT_EQ(import.chunk_begin(1), static_cast<std::int64_t>(kStagedRows));
  EXPECT_EQ(must(import.read_chunk(2)).rows(), 5u);
}

// The latest time wins, wherever the row stands that says so.
TEST_F(StagedImportTest, WhatIsSaidAgainHoldsAsOfItsLatestTime) {
  const fs::path folder = place();
  auto writer = must(StagedImportWriter::create(folder, {}));
  writer.begin_file();
  Event event;
  event.type = EventType::customer_changed;
  event.customer = "ann";
  for (const auto& [city, second] : {std::pair("York", 5), {"York", 7}, {"York", 6}, {"Bath", 6}}) {
    const Attribute trait{"city", city};
    event.customer_attributes = std::span(&trait, 1);
    event.time = Timestamp{second * 1'000'000};
    must(writer.add(event));
  }
  must(writer.finish());
  const StagedImport import = must(StagedImport::open(folder));
  const StagedFacts& facts = import.facts();
  ASSERT_EQ(facts.traits.size(), 2u);
  EXPECT_EQ(facts.values.text(facts.traits[0].value), "York");
  EXPECT_EQ(facts.traits[0].time, 7'000'000);
  EXPECT_EQ(facts.traits[1].time, 6'000'000);
}

TEST_F(StagedImportTest, KeepsNothingOfWhatWasNotFinished) {
  const Rows rows(10);
  const fs::path folder = place();
  {
    auto writer = must(StagedImportWriter::create(folder, {}));
    writer.begin_file();
    for (const Event& event : rows.events()) must(writer.add(event));
  }
  EXPECT_FALSE(fs::exists(folder));
}

}  // namespace
}  // namespace attune::events
