#include <future>

#include "attune/engage/contact_store.h"
#include "live_shop.h"

namespace attune::engine {
namespace {

TEST_F(LiveShop, BeginsToLearnFromWhatWasThereWithoutANewEvent) {
  fill();
  ServiceOptions options;
  options.train_every = 1s;
  begin(options);
  for (int look = 0; look < 600 && service_->jobs().empty(); ++look)
    std::this_thread::sleep_for(50ms);
  EXPECT_FALSE(service_->jobs().empty());
}

TEST_F(LiveShop, DropsContactsThatNoCapLooksBackTo) {
  const auto left = [&] {
    std::size_t contacts = 0;
    EXPECT_TRUE(service_->with([&](Workspace& workspace) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(auto store, engage::ContactStore::open(workspace.state()));
      engage::ContactColumns columns;
      const CustomerNumber one{1};
      ATTUNE_RETURN_IF_ERROR(store.load(std::span(&one, 1), Timestamp{0}, columns));
      contacts = columns.contacts.size();
      return {};
    }));
    return contacts;
  };
  ASSERT_TRUE(service_->with([&](Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(auto store, engage::ContactStore::open(workspace.state()));
    const auto sent = [&](std::int64_t days) {
      engage::CustomerContact one;
      one.customer = CustomerNumber{1};
      one.contact.time = Timestamp{workspace.now().micros - days * kMicrosPerDay};
      return one;
    };
    const engage::CustomerContact both[] = {sent(63), sent(61)};
    return store.record(both);
  }));
  begin();
  for (int look = 0; look < 200 && left() > 1; ++look) std::this_thread::sleep_for(50ms);
  EXPECT_EQ(left(), 1u);
}

TEST_F(LiveShop, LetsOthersAtTheStoresOnceACommandHasReadThem) {
  fill();
  ASSERT_TRUE(service_->with_until([&](Workspace&, const Service::Release& release) -> Status {
    const auto others = [&] {
      return std::async(std::launch::async,
                        [&] { return service_->with([](Workspace&) { return Status(); }); });
    };
    std::future<Status> early = others();
    EXPECT_EQ(early.wait_for(100ms), std::future_status::timeout);
    release();
    EXPECT_EQ(early.wait_for(20s), std::future_status::ready);
    release();  // again changes nothing
    EXPECT_EQ(others().wait_for(20s), std::future_status::ready);
    // Events go on, too.
    EXPECT_TRUE(take(EventType::view, "ann", "p1"));
    EXPECT_TRUE(service_->settle(20s));
    return {};
  }));
  EXPECT_EQ(count("type = 'view'"), 1);
}

TEST_F(LiveShop, TrainsForOneWhoWaits) {
  fill();
  TrainRequest request;
  request.names = {"ials", "popularity"};
  const auto made = service_->train_and_wait(request);
  ASSERT_TRUE(made) << made.error().message;
  ASSERT_EQ(made->size(), 2u);
  EXPECT_TRUE(made->front().current);
  EXPECT_EQ(service_->health().model, "ials/1");
  EXPECT_EQ(service_->jobs().front().state, JobState::done);
  // Whoever asks for it gets it, held or not.
  ASSERT_TRUE(service_->with([](Workspace& workspace) {
    return ModelRegistry(workspace.folder().models()).activate("ials", 1);
  }));
  ASSERT_TRUE(service_->train_and_wait(request));
  EXPECT_EQ(service_->health().model, "ials/2");
}

TEST_F(LiveShop, TellsOneWhoWaitsWhyATrainingEnded) {
  TrainRequest request;
  request.names = {"ials"};
  const auto empty = service_->train_and_wait(request);
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code, ErrorCode::failed_precondition) << empty.error().message;
  fill();
  request.settings = {*parse_setting("ials.iterations=10000"), *parse_setting("ials.tolerance=0")};
  auto waiting = std::async(std::launch::async, [&] { return service_->train_and_wait(request); });
  while (service_->jobs().front().state != JobState::running) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(service_->train(request).error().code, ErrorCode::failed_precondition);
  ASSERT_TRUE(service_->cancel(service_->jobs().front().number));
  EXPECT_EQ(waiting.get().error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace attune::engine
