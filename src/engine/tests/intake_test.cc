#include "attune/engine/intake.h"

#include <atomic>
#include <future>
#include <thread>

#include "attune/events/event_bundle.h"
#include "shop.h"

namespace attune::engine {
namespace {

using namespace std::chrono_literals;
using events::Event;

class IntakeQueue : public Shop {
 protected:
  void SetUp() override {
    Shop::SetUp();
    std::filesystem::create_directories(root_ / "journal");
    auto journal = store::Journal::open(root_ / "journal");
    ASSERT_TRUE(journal);
    journal_.emplace(std::move(*journal));
  }
  void TearDown() override {
    intake_.reset();
    journal_.reset();
    Shop::TearDown();
  }

  static bool submit(Intake& intake, std::string_view id, Intake::Done done, int events = 1) {
    std::vector<Event> all(static_cast<std::size_t>(events));
    for (Event& event : all) {
      event.customer = id;
      event.event_id = id;
    }
    return intake.submit(all, {}, std::move(done));
  }
  // Ids in the journal, in order.
  std::vector<std::string> journalled() {
    std::vector<std::string> ids;
    EXPECT_TRUE(journal_->read(Sequence{1}, 1'000'000, [&](const store::JournalRecord& record) {
      const auto bundle = events::parse_events(record.payload);
      EXPECT_TRUE(bundle);
      for (std::int64_t i = 0; i < bundle->rows(); ++i)
        ids.emplace_back(
            bundle->names.customers.text(bundle->columns.customer[static_cast<std::size_t>(i)]));
      return Status{};
    }));
    return ids;
  }

  std::optional<store::Journal> journal_;
  std::optional<Intake> intake_;
};

TEST_F(IntakeQueue, TellsEachSubmissionItsOwnNumber) {
  intake_.emplace(*journal_);
  std::mutex mutex;
  std::map<std::string, std::int64_t> numbers;
  for (int i = 0; i < 300; ++i) {
    const std::string id = "c" + std::to_string(i);
    ASSERT_TRUE(submit(
        *intake_, id,
        [&, id, i](const Result<Sequence>& first) {
          const std::scoped_lock lock(mutex);
          ASSERT_TRUE(first);
          EXPECT_TRUE(numbers.emplace(id, first->value).second) << "told twice";
          EXPECT_GE(journal_->last_sequence().value, first->value + i % 3);
        },
        1 + i % 3));
  }
  intake_.reset();  // writes what waits
  const std::vector<std::string> ids = journalled();
  ASSERT_EQ(ids.size(), 600u);
  ASSERT_EQ(numbers.size(), 300u);
  for (const auto& [id, number] : numbers) EXPECT_EQ(ids[static_cast<std::size_t>(number - 1)], id);
}

TEST_F(IntakeQueue, RefusesWhatItHasNoRoomForAndLosesNothingElse) {
  intake_.emplace(*journal_, IntakeOptions{.waiting_bytes_max = 64 << 20, .waiting_max = 4});
  std::promise<void> gate;
  std::shared_future<void> opened = gate.get_future().share();
  std::promise<void> inside;
  std::atomic<int> told = 0;
  // The first one holds the committer up, so that the others wait.
  ASSERT_TRUE(submit(*intake_, "first", [&](const Result<Sequence>&) {
    inside.set_value();
    opened.wait();
    ++told;
  }));
  inside.get_future().wait();
  int taken = 1, refused = 0;
  std::atomic<int> wrong = 0;
  for (int i = 0; i < 10; ++i) {
    const bool in = submit(*intake_, "c" + std::to_string(i), [&, i](const Result<Sequence>& r) {
      wrong += i >= 4 || !r;
      ++told;
    });
    (in ? taken : refused) += 1;
  }
  EXPECT_EQ(taken, 5);
  EXPECT_EQ(refused, 6);
  EXPECT_EQ(intake_->counts().refused, 6);
  EXPECT_EQ(intake_->counts().waiting, 4);
  gate.set_value();
  while (told < taken) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(submit(*intake_, "last", [](const Result<Sequence>&) {}));
  intake_.reset();
  EXPECT_EQ(journalled(), (std::vector<std::string>{"first", "c0", "c1", "c2", "c3", "last"}));
}

TEST_F(IntakeQueue, TakesOneThatIsLargerThanItsRoomWhileNothingElseWaits) {
  intake_.emplace(*journal_, IntakeOptions{.waiting_bytes_max = 100, .waiting_max = 100});
  std::promise<Result<Sequence>> promise;
  ASSERT_TRUE(submit(
      *intake_, std::string(500, 'x'), [&](const Result<Sequence>& r) { promise.set_value(r); },
      5));
  EXPECT_TRUE(promise.get_future().get());
  EXPECT_EQ(intake_->counts().events, 5);
}

// Whoever hears that events are on disk finds them counted, and the counts add up.
TEST_F(IntakeQueue, CountsWhatManyThreadsSubmit) {
  intake_.emplace(*journal_);
  constexpr int kThreads = 8, kEach = 1000;
  std::atomic<int> acknowledged = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string id = std::to_string(t) + "/" + std::to_string(i);
        const auto done = [&](const Result<Sequence>& r) {
          if (!r) return;
          ++acknowledged;
          EXPECT_GE(intake_->counts().events, acknowledged);
        };
        while (!submit(*intake_, id, done)) std::this_thread::sleep_for(1ms);
      }
    });
  }
  threads.clear();
  while (acknowledged < kThreads * kEach) std::this_thread::sleep_for(1ms);
  const IntakeCounts counts = intake_->counts();
  EXPECT_EQ(counts.events, kThreads * kEach);
  EXPECT_EQ(counts.submissions, kThreads * kEach);
  EXPECT_EQ(counts.failed, 0);
  EXPECT_EQ(counts.waiting, 0);
  EXPECT_LE(counts.commits, kThreads * kEach);
  std::vector<std::string> ids = journalled();
  ASSERT_EQ(ids.size(), static_cast<std::size_t>(kThreads * kEach));
  // Of each thread in its order.
  std::map<std::string, int> next;
  for (const std::string& id : ids) {
    const std::size_t slash = id.find('/');
    EXPECT_EQ(std::stoi(id.substr(slash + 1)), next[id.substr(0, slash)]++);
  }
}

}  // namespace
}  // namespace attune::engine
