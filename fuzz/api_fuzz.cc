// Any bytes as the first line ("POST /v1/offers?customer=c1") and the body of a request of whoever
// holds every key, to a running service with a small shop: each is answered once, in JSON or text
// that is UTF-8, and never by a defect (a status of 500).
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/settable_clock.h"
#include "attune/base/text.h"
#include "attune/engine/service.h"
#include "attune/http/api.h"
#include "target.h"

namespace {

using namespace attune;
using namespace attune::http;

constexpr int kRequestsOfAShop = 2'000;  // then it begins anew, and stays small

class Shop {
 public:
  Shop() : clock_(Timestamp{1'780'000'000'000'000}) {
    char name[] = "/tmp/attune-fuzz-XXXXXX";
    root_ = ::mkdtemp(name);
    engine::ServiceOptions how;
    how.train_every = std::chrono::seconds(0);
    how.clock = &clock_;
    auto started = engine::Service::start(root_ / "shop", how);
    if (!started) std::abort();
    service_ = std::move(*started);
    ApiOptions options;
    options.clock = &clock_;
    api_ = std::make_unique<Api>(*service_, options);
    handler_ = api_->handler();
    for (int i = 0; i < 12; ++i) {
      ask(Method::post, "/v1/track",
          fmt::format(R"({{"event":"Order Completed","userId":"c{}","properties":{{"order_id":"o{}",
              "products":[{{"product_id":"p{}","price":{}.5,"quantity":1}}],"currency":"EUR"}}}})",
                      i % 4, i, i % 5, i + 1));
    }
  }
  ~Shop() {
    handler_ = nullptr;
    api_.reset();
    service_.reset();
    std::filesystem::remove_all(root_);
  }

  Response ask(Method method, std::string_view target, std::string_view body) {
    auto request = std::make_shared<Request>();
    request->method = method;
    if (!read_target(target, *request)) return {};
    request->body = body;
    request->peer = "127.0.0.1";
    request->trusted = true;
    auto promise = std::make_shared<std::promise<Response>>();
    std::future<Response> answer = promise->get_future();
    handler_(std::move(request), [promise](Response r) { promise->set_value(std::move(r)); });
    if (answer.wait_for(std::chrono::seconds(60)) != std::future_status::ready) std::abort();
    return answer.get();
  }

 private:
  SettableClock clock_;
  std::filesystem::path root_;
  std::unique_ptr<engine::Service> service_;
  std::unique_ptr<Api> api_;
  Handler handler_;
};

Shop* shop = nullptr;

void close_shop() { delete std::exchange(shop, nullptr); }

Response ask(Method method, std::string_view target, std::string_view body) {
  static int asked = 0;
  if (shop == nullptr || asked % kRequestsOfAShop == 0) {
    close_shop();
    shop = new Shop;
  }
  const Response answer = shop->ask(method, target, body);
  // What the shop's threads use (static tables, made when they are first needed) goes in the order
  // of its making, backwards: the shop has to go first.
  if (asked++ < kRequestsOfAShop) std::atexit(close_shop);
  return answer;
}

Method method_of(std::string_view word) {
  for (std::size_t i = 0; i < kMethodCount; ++i) {
    if (name(static_cast<Method>(i)) == word) return static_cast<Method>(i);
  }
  return Method::other;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\n'), size);
  const std::string_view line = input.substr(0, end);
  const std::size_t blank = std::min(line.find(' '), line.size());
  if (blank == line.size()) return 0;
  const std::string_view body = input.substr(std::min(end + 1, size));
  const Response answer = ask(method_of(line.substr(0, blank)), line.substr(blank + 1), body);
  if (answer.status >= 500 && answer.status != 503) std::abort();
  if (first_invalid_utf8(answer.body)) std::abort();
  if (answer.content_type.find("json") != std::string::npos && !answer.body.empty()) {
    boost::system::error_code failure;
    const auto value = boost::json::parse(answer.body, failure);
    if (failure) std::abort();
  }
  return 0;
}
