// A server whose handler does what the path says, and notes what the hooks were told.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "attune/http/server.h"
#include "client.h"

namespace attune::http {

using namespace std::chrono_literals;
using testing::HasSubstr;

inline Response text(std::string body) { return {200, "text/plain", std::move(body), {}}; }

// What the tests talk to: /echo gives back path, query and body, the rest misbehave.
class ServerTest : public testing::Test {
 protected:
  void start(ServerOptions options = {}) {
    options.on_defect = [this](const Request&, std::string_view what) {
      const std::lock_guard lock(mutex_);
      defects_ += what;
    };
    options.observe = [this](const Request& request, const Response& response,
                             std::chrono::microseconds) {
      const std::lock_guard lock(mutex_);
      observed_ += fmt::format("{} {};", response.status, request.path);
    };
    auto server =
        Server::start([this](std::shared_ptr<Request> request,
                             Respond respond) { handle(std::move(request), std::move(respond)); },
                      options);
    ASSERT_TRUE(server) << to_string(server.error());
    server_.emplace(std::move(*server));
    port_ = server_->port();
  }

  void TearDown() override {
    server_.reset();
    for (std::thread& thread : threads_) thread.join();
  }

  void handle(std::shared_ptr<Request> request, Respond respond) {
    if (request->path == "/throw") throw std::runtime_error("a secret of the handler");
    if (request->path == "/drop") return;
    if (request->path == "/twice") {
      respond(text("first"));
      return respond(text("second"));
    }
    if (request->path == "/late") {
      const std::lock_guard lock(mutex_);
      threads_.emplace_back([respond = std::move(respond)] {
        std::this_thread::sleep_for(100ms);
        respond(text("late"));
      });
      return;
    }
    if (request->path == "/keep") {
      const std::lock_guard lock(mutex_);
      kept_ = std::move(respond);
      return;
    }
    if (request->path == "/large") return respond(text(std::string(3'000'000, 'x')));
    if (request->path == "/split-header") {
      Response response = text("ok");
      response.headers = {{"X-Safe", "a\r\nX-Evil: b"}, {"Bad Name", "c"}, {"Content-Length", "9"}};
      return respond(std::move(response));
    }
    if (request->path == "/none") return respond({204, "text/plain", "not sent", {}});
    if (request->path == "/nonsense") return respond({42, "", "", {}});
    if (request->path == "/close") return respond({200, "", "", {{"Connection", "close"}}});
    std::string out = fmt::format("{} {}", name(request->method), request->path);
    for (const auto& [key, value] : request->query) out += fmt::format(" {}={}", key, value);
    if (request->trusted) out += " trusted";
    respond(text(out + " " + request->peer + " " + request->body));
  }

  std::string defects() {
    const std::lock_guard lock(mutex_);
    return defects_;
  }
  std::string observed() {
    const std::lock_guard lock(mutex_);
    return observed_;
  }

  // Waits until `holds`, for at most five seconds.
  template <class Condition>
  static bool soon(Condition holds) {
    for (int i = 0; i < 500 && !holds(); ++i) std::this_thread::sleep_for(10ms);
    return holds();
  }

  std::mutex mutex_;
  Respond kept_;
  std::string defects_, observed_;
  std::vector<std::thread> threads_;
  std::optional<Server> server_;
  std::uint16_t port_ = 0;
};

}  // namespace attune::http
