// A service of its own for each test, with its doors, asked without a network.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/engine/service.h"
#include "attune/http/api.h"

namespace attune::http {

namespace json = boost::json;
using testing::HasSubstr;

struct Told {
  int status = 0;
  std::string type;
  std::string body;
  std::vector<Header> headers;

  json::value value() const {
    boost::system::error_code failure;
    json::value value = json::parse(body, failure);
    EXPECT_FALSE(failure) << body;
    return failure ? json::value(json::object()) : value;
  }
  json::value at(std::string_view pointer) const {
    boost::system::error_code failure;
    const json::value whole = value();
    const json::value* found = whole.find_pointer(pointer, failure);
    EXPECT_NE(found, nullptr) << pointer << " of " << body;
    return found == nullptr ? json::value() : *found;
  }
  std::string text(std::string_view pointer) const {
    const json::value found = at(pointer);
    return found.is_string() ? std::string(found.as_string()) : json::serialize(found);
  }
  std::string header(std::string_view name) const {
    for (const Header& header : headers) {
      if (header.name == name) return header.value;
    }
    return {};
  }
};

class ApiBench : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/attune-api-XXXXXX";
    root_ = ::mkdtemp(name);
    begin();
  }
  void TearDown() override {
    end();
    std::filesystem::remove_all(root_);
  }

  void begin(ApiOptions options = {}) {
    engine::ServiceOptions how;
    how.train_every = std::chrono::seconds(0);
    auto started = engine::Service::start(root_ / "shop", how);
    ASSERT_TRUE(started) << to_string(started.error());
    service_ = std::move(*started);
    options.version = "1";
    api_ = std::make_unique<Api>(*service_, options);
    handler_ = api_->handler();
  }
  void end() {
    handler_ = nullptr;
    api_.reset();
    service_.reset();
  }
  void restart(ApiOptions options = {}) {
    end();
    begin(std::move(options));
  }

  std::string make_key(engine::KeyScope scope) {
    std::string secret;
    EXPECT_TRUE(service_->with([&](engine::Workspace& workspace) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(secret, service_->keys().create(scope, "test", workspace.now()));
      return {};
    }));
    return secret;
  }

  // As over the folder's socket, which needs no key, unless a key is given.
  Told ask(Method method, const std::string& target, std::string body = {},
           std::vector<Header> headers = {}, bool trusted = true) {
    auto request = std::make_shared<Request>();
    request->method = method;
    const std::size_t mark = target.find('?');
    request->path = target.substr(0, mark);
    request->target = target;
    for (std::size_t at = mark; at != target.npos;) {
      const std::size_t end = target.find('&', at + 1);
      const std::string pair = target.substr(at + 1, end - at - 1);
      request->query.emplace_back(pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
      at = end;
    }
    request->headers = std::move(headers);
    request->body = std::move(body);
    request->peer = "127.0.0.1";
    request->trusted = trusted;
    auto promise = std::make_shared<std::promise<Response>>();
    std::future<Response> future = promise->get_future();
    handler_(std::move(request), [promise](Response r) { promise->set_value(std::move(r)); });
    if (future.wait_for(std::chrono::seconds(60)) != std::future_status::ready) {
      ADD_FAILURE() << "no answer from " << target;
      return {};
    }
    Response response = future.get();
    return {response.status, response.content_type, response.body, response.headers};
  }
  Told get(const std::string& target) { return ask(Method::get, target); }
  Told post(const std::string& target, std::string body = {}, std::vector<Header> headers = {}) {
    return ask(Method::post, target, std::move(body), std::move(headers));
  }
  Told with_key(Method method, const std::string& target, const std::string& key,
                std::string body = {}) {
    std::vector<Header> headers;
    if (!key.empty()) headers.push_back({"Authorization", "Bearer " + key});
    return ask(method, target, std::move(body), std::move(headers), false);
  }

  void settle() { ASSERT_TRUE(service_->settle(std::chrono::seconds(30))); }

  // The one value that a query over the history gives, as text; "-" where there is no row.
  std::string sql(std::string_view query) {
    std::string text = "-";
    EXPECT_TRUE(service_->with([&](engine::Workspace& workspace) -> Status {
      const std::string whole = fmt::format("SELECT ({})::VARCHAR", query);
      ATTUNE_ASSIGN_OR_RETURN(store::QueryResult rows, workspace.history().query(whole));
      ATTUNE_ASSIGN_OR_RETURN(const store::Chunk chunk, rows.next());
      if (chunk.rows() > 0 && !chunk.is_null(0, 0)) text = std::string(chunk.text(0, 0));
      return {};
    }));
    return text;
  }

  std::string trait(std::string_view customer, std::string_view name) {
    std::string value = "-";
    EXPECT_TRUE(service_->with([&](engine::Workspace& workspace) -> Status {
      ATTUNE_ASSIGN_OR_RETURN(const auto number, workspace.identity().find(customer));
      if (!number) return {};
      ATTUNE_ASSIGN_OR_RETURN(const auto traits, workspace.identity().traits(*number));
      for (const events::Trait& trait : traits) {
        if (trait.name == name) value = trait.value;
      }
      return {};
    }));
    return value;
  }

  // Customers c0, c1, … buy out of three groups of six items: p0 to p5, p6 to p11, p12 to p17.
  void fill_shop(int customers = 45) {
    std::vector<std::string> texts;
    for (int c = 0; c < customers; ++c) {
      for (int i = 0; i < 4; ++i) {
        texts.push_back(fmt::format("c{}", c));
        texts.push_back(fmt::format("p{}", c % 3 * 6 + (c / 3 + i * (1 + c % 2)) % 6));
      }
    }
    std::vector<events::Event> all;
    for (std::size_t i = 0; i + 1 < texts.size(); i += 2) {
      events::Event event;
      event.type = events::EventType::purchase;
      event.time = Timestamp{1'779'000'000'000'000 + static_cast<std::int64_t>(i) * 1'000'000};
      event.customer = texts[i];
      event.item = texts[i + 1];
      all.push_back(event);
    }
    ASSERT_TRUE(service_->accept(all));
    settle();
  }
  void train(const std::string& body = R"({"names":["ials","item_knn"]})") {
    const Told started = post("/v1/jobs", body);
    ASSERT_EQ(started.status, 202) << started.body;
    wait_for_job();
    ASSERT_EQ(get("/v1/jobs").text("/jobs/0/state"), "done") << get("/v1/jobs").body;
  }
  void wait_for_job() {
    ASSERT_TRUE(soon([&] { return get("/v1/jobs").text("/jobs/0/state") != "running"; }));
  }

  template <class Condition>
  static bool soon(Condition holds) {
    for (int i = 0; i < 3000 && !holds(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return holds();
  }

  static std::vector<std::string> items_of(const Told& answer) {
    std::vector<std::string> ids;
    const json::value items = answer.at("/items");
    for (const json::value& item : items.as_array())
      ids.emplace_back(item.at("item_id").as_string());
    return ids;
  }

  static void expect_problem(const Told& answer, int status, std::string_view field = {}) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(answer.type, "application/problem+json") << answer.body;
    if (!field.empty()) {
      EXPECT_EQ(answer.text("/field"), field) << answer.body;
    }
  }

  std::filesystem::path root_;
  std::unique_ptr<engine::Service> service_;
  std::unique_ptr<Api> api_;
  Handler handler_;
};

}  // namespace attune::http
