#include "live_shop.h"

namespace attune::engine {
namespace {

// A shop of 400 imported orders whose history went while the service was down.
class LostHistory : public LiveShop {
 protected:
  void SetUp() override {
    LiveShop::SetUp();
    import_orders();
    service_.reset();
    for (const char* ending : {"", ".wal"})
      std::filesystem::remove(folder() / (std::string("history.duckdb") + ending));
  }
  void import_orders() {
    ASSERT_TRUE(service_->with([&](Workspace& workspace) -> Status {
      import(workspace, write("orders.csv", order_lines(0, 400, 23)));
      return {};
    }));
    ASSERT_TRUE(service_->reload());
  }
  // What came after the loss: enough to train from, were it a shop's beginning.
  void go_on() {
    std::vector<std::string> names;
    for (int i = 0; i < 150; ++i) {
      names.push_back(fmt::format("new-{}", i % 15));
      names.push_back(fmt::format("p{}", i / 15));
    }
    std::vector<Event> bought;
    for (std::size_t i = 0; i < names.size(); i += 2)
      bought.push_back(event(EventType::purchase, names[i], names[i + 1]));
    ASSERT_TRUE(service_->accept(bought));
    settle();
  }
  static ServiceOptions each_second() {
    ServiceOptions options;
    options.train_every = 1s;
    return options;
  }
};

TEST_F(LostHistory, IsToldAndTrainsNothingByItselfUntilItIsBack) {
  begin(each_second());
  EXPECT_EQ(service_->health().lost_rows, 400);
  EXPECT_EQ(service_->health().state, HealthState::ready);
  EXPECT_NE(service_->health().problem.find("400 imported rows"), std::string::npos);
  go_on();
  std::this_thread::sleep_for(1500ms);
  EXPECT_TRUE(service_->jobs().empty());
  import_orders();
  EXPECT_EQ(service_->health().lost_rows, 0);
  EXPECT_EQ(service_->health().problem, "");
  for (int i = 0; i < 60 && service_->jobs().empty(); ++i) {
    ASSERT_TRUE(take(EventType::view, "ann", "p1"));  // without news nothing is trained
    for (int k = 0; k < 100 && service_->jobs().empty(); ++k) std::this_thread::sleep_for(10ms);
  }
  EXPECT_FALSE(service_->jobs().empty());
}

TEST_F(LostHistory, DoesNotSayWhenTheShopWasLastActive) {
  begin();
  go_on();
  Timestamp last;
  ASSERT_TRUE(service_->with([&](Workspace& workspace) -> Status {
    last = workspace.default_as_of().value();
    return workspace.state().run("UPDATE activity SET last = ?1",
                                 Timestamp{last.micros + 30 * kMicrosPerDay});
  }));
  service_.reset();
  for (const char* ending : {"", ".wal"})
    std::filesystem::remove(folder() / (std::string("history.duckdb") + ending));
  begin();
  ASSERT_TRUE(service_->with([&](Workspace& workspace) -> Status {
    EXPECT_EQ(workspace.default_as_of().value(), last);
    return {};
  }));
}

TEST_F(LostHistory, IsLostForGoodWhereSomebodySaysSo) {
  begin(each_second());
  ASSERT_TRUE(service_->with([](Workspace& workspace) { return workspace.accept_loss(); }));
  ASSERT_TRUE(service_->follow());
  EXPECT_EQ(service_->health().lost_rows, 0);
  go_on();
  for (int i = 0; i < 6000 && service_->jobs().empty(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(service_->jobs().empty());
  begin();
  EXPECT_EQ(service_->health().lost_rows, 0) << "after a restart, too";
}

TEST_F(LostHistory, DoesNotCountAsBackByAnotherImport) {
  begin();
  ASSERT_TRUE(service_->with([&](Workspace& workspace) -> Status {
    import(workspace, write("others.csv", order_lines(1000, 500, 23)));
    import(workspace, write("orders.csv", order_lines(0, 100, 23)));  // a part alone
    return {};
  }));
  ASSERT_TRUE(service_->reload());
  EXPECT_EQ(service_->health().lost_rows, 400);
}

}  // namespace
}  // namespace attune::engine
