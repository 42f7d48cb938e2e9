#include <csignal>

#include <sys/resource.h>

#include <fmt/format.h>

#include "live_shop.h"

namespace attune::engine {
namespace {

// A disk that is full is played by a limit on the size of files.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    before_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &limit_);
    const rlimit small{bytes, limit_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &limit_);
    std::signal(SIGXFSZ, before_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit limit_{};
  void (*before_)(int) = nullptr;
};

TEST_F(LiveShop, SaysThatTheDiskIsFullAndGoesOnWhereThereIsRoomAgain) {
  fill();
  ASSERT_EQ(train().state, JobState::done);
  int taken = 0, refused = 0;
  const auto send = [&](int from) {
    for (int i = from; i < from + 40; ++i) {
      const Status done = take(EventType::view, "ann", "p1", fmt::format("m{}", i));
      if (!done) {
        EXPECT_EQ(done.error().code, ErrorCode::resource_exhausted) << done.error().message;
      }
      ++(done ? taken : refused);
    }
  };
  {
    const FullDisk full(4096);
    send(0);
    EXPECT_EQ(refused, 40);
    const Health health = service_->health();
    EXPECT_EQ(health.state, HealthState::disk_full);
    EXPECT_FALSE(health.ready);
    EXPECT_FALSE(health.problem.empty());
    EXPECT_EQ(health.intake.failed, 40);
    // What cannot be logged is not shown.
    const auto served = service_->recommend(asking("c1"));
    ASSERT_FALSE(served);
    EXPECT_EQ(served.error().code, ErrorCode::resource_exhausted);
    std::this_thread::sleep_for(1500ms);
    EXPECT_EQ(service_->health().state, HealthState::disk_full) << "nothing changed";
  }
  // Nobody sends anything, and it is seen all the same.
  for (int i = 0; i < 500 && !service_->health().ready; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(service_->health().state, HealthState::ready) << service_->health().problem;
  EXPECT_TRUE(service_->recommend(asking("c1")));
  send(20);
  EXPECT_EQ(taken, 40);
  settle();
  EXPECT_EQ(count("type = 'view'"), 40);
  begin();
  EXPECT_EQ(count("type = 'view'"), 40);
  EXPECT_FALSE(std::filesystem::exists(folder() / ".room"));
}

TEST_F(LiveShop, LosesNothingWhereStoresFindNoRoomForWhatIsAcknowledged) {
  fill();
  std::vector<Event> many;
  std::vector<std::string> ids;
  for (int i = 0; i < 3000; ++i) ids.push_back(fmt::format("many-{}", i));
  for (const std::string& id : ids) {
    many.push_back(event(EventType::search, id, "", id));
    many.back().text = "a text that takes room in the history";
  }
  {
    // Stores are held while the events are acknowledged; then there is no room for them.
    std::optional<FullDisk> full;
    ASSERT_TRUE(service_->with([&](Workspace&) -> Status {
      ATTUNE_RETURN_IF_ERROR(service_->accept(many));
      full.emplace(8192);
      return {};
    }));
    for (int i = 0; i < 1000 && service_->health().ready; ++i) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(service_->health().state, HealthState::disk_full) << service_->health().problem;
    std::this_thread::sleep_for(2s);  // tried again meanwhile
    EXPECT_EQ(service_->health().state, HealthState::disk_full);
  }
  ASSERT_TRUE(service_->settle(20s)) << service_->health().problem;
  for (int i = 0; i < 500 && !service_->health().ready; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(service_->health().state, HealthState::ready);
  EXPECT_EQ(count("type = 'search'"), 3000);
  begin();
  EXPECT_EQ(count("type = 'search'"), 3000);
}

class SettableClock final : public Clock {
 public:
  Timestamp now() const override { return Timestamp{micros_}; }
  void move(std::int64_t seconds) { micros_ += seconds * kMicrosPerSecond; }

 private:
  std::atomic<std::int64_t> micros_{SystemClock().now().micros};
};

TEST_F(LiveShop, IsBehindByTheOldestEventThatWaitsHoweverManyCome) {
  std::vector<std::jthread> senders;
  for (int s = 0; s < 3; ++s) {
    senders.emplace_back([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        EXPECT_TRUE(take(EventType::view, "ann", "p1"));
        std::this_thread::sleep_for(1ms);  // a rate that any machine keeps up with
      }
    });
  }
  std::this_thread::sleep_for(6s);
  EXPECT_LT(service_->health().behind_seconds, 5);
  senders.clear();
  settle();
  EXPECT_EQ(service_->health().behind_seconds, 0);
}

TEST_F(LiveShop, SaysThatTheClockWasSetBackAndGoesOn) {
  SettableClock clock;
  ServiceOptions options = quietly();
  options.clock = &clock;
  begin(options);
  fill();
  ASSERT_EQ(train().state, JobState::done);
  std::this_thread::sleep_for(300ms);  // the clock is looked at
  clock.move(-3600);
  const Health health = service_->health();
  EXPECT_EQ(health.state, HealthState::clock_back);
  EXPECT_TRUE(health.ready);
  EXPECT_NE(health.problem.find("3600 s before"), std::string::npos) << health.problem;
  EXPECT_GE(health.behind_seconds, 0);
  for (int i = 0; i < 50; ++i)
    ASSERT_TRUE(take(EventType::view, "ann", "p1", fmt::format("back-{}", i)));
  settle();
  EXPECT_EQ(count("type = 'view'"), 50);
  const auto served = service_->recommend(asking("c1"));
  ASSERT_TRUE(served);
  EXPECT_TRUE(service_->find_decision(served->decision.id));
  EXPECT_EQ(train({"ials.factors=9"}).state, JobState::done);
  // A start finds the journal ahead of the clock, too.
  clock.move(-3600);
  begin(options);
  EXPECT_EQ(service_->health().state, HealthState::clock_back);
  EXPECT_EQ(count("type = 'view'"), 50);
  clock.move(2 * 3600);
  EXPECT_EQ(service_->health().state, HealthState::ready);
  EXPECT_EQ(service_->health().problem, "");
  service_.reset();  // before its clock goes
}

}  // namespace
}  // namespace attune::engine
