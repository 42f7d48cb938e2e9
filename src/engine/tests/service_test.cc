#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "live_shop.h"

namespace attune::engine {
namespace {

TEST_F(LiveShop, KeepsWhatItAcknowledgedOverARestart) {
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> acknowledged = 0;
    for (int i = 0; i < 200; ++i) {
      const std::string id = fmt::format("m{}-{}", round, i);
      const Event one = event(EventType::view, "ann", "p1", id);
      ASSERT_TRUE(service_->accept(std::span(&one, 1), {}, [&](const Result<Sequence>& r) {
        acknowledged += r.has_value();
      }));
    }
    begin();  // the one before drains
    EXPECT_EQ(acknowledged, 200);
    EXPECT_EQ(count(), 200 * (round + 1));
    EXPECT_EQ(service_->health().applied, service_->health().journal);
  }
}

TEST_F(LiveShop, CountsAMessageOnceHoweverOftenItComes) {
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(take(EventType::view, "ann", "p1", "m1"));
  const Event twice[] = {event(EventType::view, "ann", "p1", "m1"),
                         event(EventType::view, "ann", "p1", "m1")};
  EXPECT_TRUE(service_->accept(twice));
  settle();
  EXPECT_TRUE(take(EventType::view, "ann", "p1", "m1"));
  settle();
  EXPECT_EQ(count(), 1);
  begin();
  EXPECT_TRUE(take(EventType::view, "ann", "p1", "m1"));
  settle();
  EXPECT_EQ(count(), 1);
}

TEST_F(LiveShop, CountsEveryEventOfManyThreads) {
  constexpr int kThreads = 8, kEach = 1000;
  std::atomic<int> acknowledged = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const std::string id = fmt::format("{}-{}", t, i), item = fmt::format("p{}", i % 50),
                          customer = fmt::format("c{}", (t + i) % 40);
        const Event one = event(EventType::view, customer, item, id);
        const auto done = [&](const Result<Sequence>& r) { acknowledged += r.has_value(); };
        while (!service_->accept(std::span(&one, 1), {}, done)) std::this_thread::sleep_for(1ms);
      }
    });
  }
  threads.clear();
  while (acknowledged < kThreads * kEach) std::this_thread::sleep_for(1ms);
  settle();
  EXPECT_EQ(count(), kThreads * kEach);
  EXPECT_EQ(service_->health().applied, kThreads * kEach);
  EXPECT_EQ(service_->health().behind_seconds, 0);
}

// Each event is applied without another one that would wake the applier.
TEST_F(LiveShop, LeavesNoEventBehindThatCameWhileOthersWereApplied) {
  for (int i = 0; i < 30; ++i) {
    std::jthread other(
        [&, i] { EXPECT_TRUE(take(EventType::view, "ann", "p1", fmt::format("a{}", i))); });
    EXPECT_TRUE(take(EventType::view, "bob", "p2", fmt::format("b{}", i)));
    other.join();
    const auto begun = std::chrono::steady_clock::now();
    ASSERT_TRUE(service_->settle(5s)) << i;
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 4s);
    ASSERT_EQ(count(), 2 * (i + 1));
  }
}

TEST_F(LiveShop, AppliesEventsWhileOthersAskTheStoresAllTheTime) {
  std::atomic<bool> stop = false;
  std::vector<std::jthread> askers;
  for (int i = 0; i < 3; ++i) {
    askers.emplace_back([&] {
      while (!stop) {
        EXPECT_TRUE(service_->with([](Workspace&) -> Status {
          std::this_thread::sleep_for(2ms);
          return {};
        }));
      }
    });
  }
  EXPECT_TRUE(take(EventType::view, "ann", "p1"));
  EXPECT_TRUE(service_->settle(20s));
  stop = true;
}

TEST_F(LiveShop, RefusesWhereTheQueueIsFull) {
  ServiceOptions options = quietly();
  options.intake.waiting_max = 1;
  begin(options);
  std::atomic<int> taken = 0, told = 0, refused = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string id = fmt::format("{}-{}", t, i);
        const Event one = event(EventType::view, "ann", "p1", id);
        const Status in =
            service_->accept(std::span(&one, 1), {}, [&](const Result<Sequence>&) { ++told; });
        if (!in) {
          EXPECT_EQ(in.error().code, ErrorCode::unavailable);
        }
        ++(in ? taken : refused);
      }
    });
  }
  threads.clear();
  while (told < taken) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(taken + refused, 800);
  EXPECT_EQ(service_->health().intake.refused, refused);
  EXPECT_EQ(service_->health().intake.events, taken);
  begin();
  EXPECT_EQ(count(), taken);
}

TEST_F(LiveShop, AnswersWhileEventsComeInAndModelsChange) {
  fill();
  ASSERT_EQ(train().state, JobState::done);
  std::atomic<bool> stop = false;
  std::atomic<int> answers = 0, wrong = 0;
  std::vector<std::jthread> askers;
  for (int t = 0; t < 4; ++t) {
    askers.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) {
        ServeRequest request;
        request.customer = fmt::format("c{}", (t * 7 + i) % 35);
        if (i % 3 == 0) request.items = {"p1", "p7"};
        if (i % 5 == 0) request.policy = "plackett-luce";
        request.explain = i % 4 == 0;
        const auto served = service_->recommend(request);
        wrong += !served && served.error().code != ErrorCode::unavailable;
        ++answers;
        std::this_thread::sleep_for(answers < 10'000 ? 1ms : 50ms);  // each is an event to apply
      }
    });
  }
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 40; ++i) {
      const std::string customer = fmt::format("c{}", i), item = fmt::format("p{}", i % 20),
                        device = fmt::format("d{}", i);
      Event one = event(i % 5 == 0 ? EventType::consent_withdrawn : EventType::purchase, customer,
                        i % 5 == 0 ? std::string_view() : item);
      one.anonymous = device;
      one.time.micros += round * 100 + i;
      EXPECT_TRUE(service_->accept(std::span(&one, 1)));
    }
    EXPECT_EQ(train({fmt::format("ials.factors={}", 8 + round)}).state, JobState::done);
    EXPECT_TRUE(service_->reload());
  }
  stop = true;
  askers.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(answers, 100);
  settle();
  EXPECT_EQ(service_->health().model, "ials/5");
  EXPECT_EQ(count("type = 'decision'"), service_->health().decisions);
}

TEST_F(LiveShop, KeepsTheOldModelWhereATrainingIsCancelled) {
  fill();
  ASSERT_EQ(train().state, JobState::done);
  TrainRequest request;
  request.names = {"item_knn", "ials"};
  request.settings = {*parse_setting("ials.iterations=10000"), *parse_setting("ials.tolerance=0")};
  const auto job = service_->train(request);
  ASSERT_TRUE(job);
  while (service_->jobs().front().phase != "fitting ials") std::this_thread::sleep_for(1ms);
  EXPECT_EQ(service_->train(request).error().code, ErrorCode::failed_precondition);
  EXPECT_TRUE(service_->cancel(job->number));
  EXPECT_EQ(wait_for_job().state, JobState::cancelled);
  EXPECT_EQ(service_->health().model, "ials/1");
  EXPECT_TRUE(service_->recommend(asking("c1")));
  EXPECT_FALSE(std::filesystem::exists(folder() / "models" / "item_knn"));
  // One that runs when the service ends is cancelled too.
  ASSERT_TRUE(service_->train(request));
  begin();
  EXPECT_EQ(service_->health().model, "ials/1");
}

TEST_F(LiveShop, LearnsTheNewWeightsOfWhatHappenedSinceTheFit) {
  fill();
  ASSERT_EQ(train({"weights.view=0"}).state, JobState::done);
  ASSERT_TRUE(take(EventType::view, "newcomer", "p1"));
  settle();
  EXPECT_FALSE(service_->recommend(asking("newcomer"))->decision.personal);
  ASSERT_EQ(train({"weights.view=1"}).state, JobState::done);
  EXPECT_TRUE(service_->recommend(asking("newcomer"))->decision.personal);
}

TEST_F(LiveShop, GoesOnAfterAStoreRefused) {
  fill();
  ASSERT_EQ(train().state, JobState::done);
  // State is locked by nobody else, so a full lock is played by a table that is missing.
  const auto rename = [&](const char* sql) {
    EXPECT_TRUE(service_->with([&](Workspace& workspace) { return workspace.state().run(sql); }));
  };
  rename("ALTER TABLE refused RENAME TO hidden_refused");
  const RefusedMessage message{0, Timestamp{}, "track", "bad", "field", "text", "{}"};
  std::atomic<int> told = 0;
  ASSERT_TRUE(service_->accept({}, std::span(&message, 1),
                               [&](const Result<Sequence>& r) { told += r.has_value(); }));
  const Event bought = event(EventType::purchase, "newcomer", "p1", "late");
  ASSERT_TRUE(service_->accept(std::span(&bought, 1)));
  EXPECT_EQ(told, 1);
  for (int i = 0; i < 500 && service_->health().ready; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_FALSE(service_->health().ready);
  EXPECT_FALSE(service_->health().problem.empty());
  EXPECT_TRUE(service_->recommend(asking("c1")));
  std::this_thread::sleep_for(20ms);
  EXPECT_GT(service_->health().behind_seconds, 0);
  rename("ALTER TABLE hidden_refused RENAME TO refused");
  ASSERT_TRUE(service_->settle(20s));
  for (int i = 0; i < 500 && !service_->health().ready; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(service_->health().ready);
  EXPECT_EQ(service_->health().refused, 1);
  EXPECT_EQ(count("type = 'purchase'"), 121);
  const auto served = service_->recommend(asking("newcomer"));
  ASSERT_TRUE(served);
  EXPECT_TRUE(served->decision.personal);
}

TEST_F(LiveShop, KeepsTheNewestOfTooManyRefusedMessages) {
  constexpr std::int64_t kMax = Workspace::kRefusedMax;
  std::vector<RefusedMessage> all;
  for (std::int64_t i = 0; i < kMax + 7; ++i)
    all.push_back({0, Timestamp{}, "track", "bad", "", fmt::format("{}", i), "{}"});
  std::atomic<bool> told = false;
  ASSERT_TRUE(service_->accept({}, all, [&](const Result<Sequence>& r) { told = r.has_value(); }));
  settle();
  EXPECT_TRUE(told);
  EXPECT_EQ(service_->health().refused, kMax);
  EXPECT_EQ(service_->health().refused_dropped, 7);
  const auto oldest = [&] {
    std::string message;
    EXPECT_TRUE(service_->with([&](Workspace& workspace) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(const auto first, workspace.refused(0, 1));
      message = first.at(0).message;
      return {};
    }));
    return message;
  };
  EXPECT_EQ(oldest(), "7");
  // Room that an operator makes is used before another goes.
  ASSERT_TRUE(service_->drop_refused(8));
  begin();
  const auto one_more = [&] {
    ASSERT_TRUE(service_->accept({}, std::span(all).first(1), [](const Result<Sequence>&) {}));
    settle();
  };
  one_more();
  EXPECT_EQ(service_->health().refused_dropped, 7);
  EXPECT_EQ(service_->health().refused, kMax);
  one_more();
  EXPECT_EQ(service_->health().refused_dropped, 8);
  EXPECT_EQ(oldest(), "9");
}

TEST_F(LiveShop, TrainsByItselfOnceThereIsEnoughToLearnFrom) {
  ServiceOptions options;
  options.train_every = 3600s;
  begin(options);
  int bought = 0;
  const auto buy = [&](int customer, int item) {
    ASSERT_TRUE(take(EventType::purchase, fmt::format("c{}", customer), fmt::format("p{}", item),
                     fmt::format("m{}", ++bought)));
  };
  buy(0, 0);
  settle();
  for (int item = 0; item < 120; ++item) buy(item % 9, item % 30);
  settle();
  // Enough interactions, of too few customers: looked at several times by then.
  std::this_thread::sleep_for(5s);
  EXPECT_TRUE(service_->jobs().empty());
  EXPECT_TRUE(service_->with([](Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const TasteSize size, count_taste(workspace, {}));
    EXPECT_EQ(size.interactions, 121);
    EXPECT_EQ(size.customers, 9);
    return {};
  }));
  // Another recommender that somebody asked for does not put it off.
  TrainRequest other;
  other.names = {"popularity"};
  ASSERT_TRUE(service_->train(other));
  EXPECT_EQ(wait_for_job().state, JobState::done);
  for (int item = 0; item < 4; ++item) buy(9, item);
  settle();
  for (int i = 0; i < 1000 && service_->jobs().size() < 2; ++i) std::this_thread::sleep_for(10ms);
  ASSERT_EQ(service_->jobs().size(), 2u);
  EXPECT_EQ(wait_for_job().state, JobState::done);
  EXPECT_EQ(service_->health().model, "ials/1");
}

Event amount(Event event, double quantity) {
  event.quantity = quantity;
  return event;
}

TEST_F(LiveShop, TakesAsMuchBackForARefundAsTheNextTrainingDoes) {
  fill();
  const Event bought = amount(event(EventType::purchase, "solo", "p1", "b1"), 3);
  ASSERT_TRUE(service_->accept(std::span(&bought, 1)));
  ASSERT_TRUE(take(EventType::view, "eve", "p2", "v1"));
  settle();
  ASSERT_EQ(train().state, JobState::done);
  const auto by_taste = [&](std::string_view customer) {
    const auto served = service_->recommend(asking(customer));
    EXPECT_TRUE(served);
    const auto& notes = served->decision.notes;
    return std::ranges::find(notes, "nothing known that the model can use: popular items") ==
           notes.end();
  };
  ASSERT_TRUE(by_taste("solo"));
  ASSERT_TRUE(by_taste("eve"));

  Event back = amount(event(EventType::refund, "solo", "p1", "r1"), 1);
  back.time.micros += kMicrosPerDay;
  ASSERT_TRUE(service_->accept(std::span(&back, 1)));
  ASSERT_TRUE(take(EventType::refund, "eve", "p2", "r2"));  // of what she never bought here
  settle();
  EXPECT_TRUE(by_taste("solo"));
  EXPECT_TRUE(by_taste("eve"));
  const auto since_first = [&] {
    std::vector<TasteEvent> all;
    EXPECT_TRUE(service_->with([&](Workspace& workspace) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(all, read_taste_since(workspace, {}, Sequence{0}));
      return {};
    }));
    return all;
  };
  EXPECT_FLOAT_EQ(since_first().back().weight, -1);  // a third of a purchase's 3
  const auto learned = [&] {
    float weight = 0;
    EXPECT_TRUE(service_->with([&](Workspace& workspace) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(const TasteData data, read_taste(workspace, {}));
      ATTUNE_ASSIGN_OR_RETURN(const auto solo, workspace.identity().find("solo"));
      for (const auto& one : data.log.events) {
        if (data.row(*solo) == one.row) weight += one.weight;
      }
      return {};
    }));
    return weight;
  };
  EXPECT_FLOAT_EQ(learned(), 2);

  // The other two, one by one: nothing is left.
  for (const std::string_view id : {"r3", "r4"}) {
    back.event_id = id;
    ASSERT_TRUE(service_->accept(std::span(&back, 1)));
  }
  settle();
  EXPECT_FALSE(by_taste("solo"));
  EXPECT_FLOAT_EQ(learned(), 0);
}

TEST_F(LiveShop, TakesAWholeOrderBackAtOnce) {
  fill();
  std::vector<Event> order{event(EventType::purchase, "solo", "p1", "b1"),
                           event(EventType::purchase, "solo", "p2", "b2")};
  for (Event& line : order) line.order = "o1";
  ASSERT_TRUE(service_->accept(order));
  settle();
  ASSERT_EQ(train().state, JobState::done);
  const auto by_taste = [&] {
    const auto served = service_->recommend(asking("solo"));
    EXPECT_TRUE(served);
    const auto& notes = served->decision.notes;
    return std::ranges::find(notes, "nothing known that the model can use: popular items") ==
           notes.end();
  };
  ASSERT_TRUE(by_taste());
  Event back = event(EventType::refund, "solo", "", "r1");
  back.order = "o1";
  ASSERT_TRUE(service_->accept(std::span(&back, 1)));
  settle();
  EXPECT_FALSE(by_taste());
}

TEST_F(LiveShop, FindsDecisionsAndCountsThem) {
  fill();
  EXPECT_EQ(service_->recommend(asking("c1")).error().code, ErrorCode::failed_precondition);
  ASSERT_EQ(train().state, JobState::done);
  const auto served = service_->recommend(asking("c1", "plackett-luce:2"));
  ASSERT_TRUE(served);
  const auto found = service_->find_decision(served->decision.id);
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, served->decision);
  EXPECT_TRUE(decide::replay(*found));
  EXPECT_EQ(service_->find_decision("nothing").error().code, ErrorCode::not_found);
  EXPECT_EQ(service_->health().decisions, 1);
}

}  // namespace
}  // namespace attune::engine
