// A shop with a running service, for tests of what it does.
#pragma once

#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "attune/engine/service.h"
#include "attune/engine/taste.h"
#include "shop.h"

namespace attune::engine {

using namespace std::chrono_literals;
using events::Event;
using events::EventType;

class LiveShop : public Shop {
 protected:
  void SetUp() override {
    Shop::SetUp();
    begin();
  }
  void TearDown() override {
    service_.reset();
    Shop::TearDown();
  }
  static ServiceOptions quietly() {
    ServiceOptions options;
    options.train_every = 0s;
    return options;
  }
  void begin(const ServiceOptions& options = quietly()) {
    service_.reset();
    auto started = Service::start(folder(), options);
    ASSERT_TRUE(started) << to_string(started.error());
    service_ = std::move(*started);
  }

  static Event event(EventType type, std::string_view customer, std::string_view item,
                     std::string_view id = {}) {
    Event event;
    event.type = type;
    event.time = Timestamp{1'779'000'000'000'000};
    event.customer = customer;
    event.item = item;
    event.event_id = id;
    return event;
  }
  Status take(EventType type, std::string_view customer, std::string_view item,
              std::string_view id = {}) {
    const Event one = event(type, customer, item, id);
    return service_->accept(std::span(&one, 1));
  }
  void settle() { ASSERT_TRUE(service_->settle(60s)); }

  std::int64_t count(std::string_view condition = "true") {
    std::int64_t number = -1;
    EXPECT_TRUE(service_->with([&](Workspace& workspace) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(const auto found,
                              workspace.history().find_int64(
                                  fmt::format("SELECT count(*) FROM events WHERE {}", condition)));
      number = found.value_or(0);
      return {};
    }));
    return number;
  }

  // As in a shop with three groups of six items.
  void fill(int customers = 30) {
    std::vector<std::string> names;
    for (int c = 0; c < customers; ++c) {
      for (int i = 0; i < 4; ++i) {
        names.push_back(fmt::format("c{}", c));
        names.push_back(fmt::format("p{}", c % 3 * 6 + (c / 3 + i) % 6));
      }
    }
    std::vector<Event> all;
    for (std::size_t i = 0; i < names.size(); i += 2) {
      all.push_back(event(EventType::purchase, names[i], names[i + 1]));
      all.back().time.micros += static_cast<std::int64_t>(i);
    }
    ASSERT_TRUE(service_->accept(all));
    settle();
  }
  Job train(std::vector<std::string> settings = {}) {
    TrainRequest request;
    request.names = {"ials"};
    for (const std::string& text : settings) request.settings.push_back(*parse_setting(text));
    const auto job = service_->train(std::move(request));
    EXPECT_TRUE(job) << job.error().message;
    return wait_for_job();
  }
  Job wait_for_job() {
    while (service_->jobs().front().state == JobState::running) std::this_thread::sleep_for(5ms);
    return service_->jobs().front();
  }

  static ServeRequest asking(std::string_view customer, std::string_view policy = "ranking") {
    ServeRequest request;
    request.customer = customer;
    request.policy = policy;
    return request;
  }

  std::unique_ptr<Service> service_;
};

}  // namespace attune::engine
