#include "attune/http/server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "client.h"
#include "gzip.h"

namespace attune::http {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

Response text(std::string body) { return {200, "text/plain", std::move(body), {}}; }

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

  std::string seen(const std::string& text) {
    const std::lock_guard lock(mutex_);
    return text;
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

TEST_F(ServerTest, KeepsAConnectionForManyRequests) {
  start();
  Client client(port_);
  for (int i = 0; i < 100; ++i) {
    const Answered answer = client.ask(get(fmt::format("/a%20b?n={}", i)));
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, fmt::format("GET /a b n={} 127.0.0.1 ", i));
    EXPECT_TRUE(answer.has("date: "));
    EXPECT_FALSE(answer.has("connection:"));
  }
  EXPECT_EQ(server_->connections(), 1u);
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  Client client(port_);
  client.write(get("/late") + post("body") + get("/2") + get("/late") + get("/3"));
  EXPECT_EQ(client.read().body, "late");
  EXPECT_EQ(client.read().body, "POST /echo 127.0.0.1 body");
  EXPECT_EQ(client.read().body, "GET /2 127.0.0.1 ");
  EXPECT_EQ(client.read().body, "late");
  EXPECT_EQ(client.read().body, "GET /3 127.0.0.1 ");
}

TEST_F(ServerTest, TakesARequestByteByByte) {
  start();
  Client client(port_);
  const std::string bytes = "\r\n" + post("split") +
                            "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
  for (const char byte : bytes) {
    ASSERT_TRUE(client.write({&byte, 1}));
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(client.read().body, "POST /echo 127.0.0.1 split");
  EXPECT_EQ(client.read().body, "POST /c 127.0.0.1 abcde");
}

TEST_F(ServerTest, ClosesWhenTheClientOrTheHandlerSaysSo) {
  start();
  {
    Client client(port_);
    EXPECT_TRUE(client.ask(get("/a", "Connection: close\r\n")).has("connection: close"));
    EXPECT_TRUE(client.ended());
  }
  {
    Client client(port_);
    EXPECT_EQ(client.ask("GET / HTTP/1.0\r\n\r\n").status, 200);
    EXPECT_TRUE(client.ended());
  }
  {
    Client client(port_);
    EXPECT_TRUE(client.ask(get("/close")).has("connection: close"));
    EXPECT_TRUE(client.ended());
  }
  Client client(port_);
  const std::string old = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  EXPECT_TRUE(client.ask(old).has("connection: keep-alive"));
  EXPECT_EQ(client.ask(old).status, 200);
}

TEST_F(ServerTest, LeavesTheBodyOutForHeadAndNoContent) {
  start();
  Client client(port_);
  client.write("HEAD /large HTTP/1.1\r\nHost: x\r\n\r\n");
  const Answered head = client.read(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.has("content-length: 3000000"));
  const Answered none = client.ask(get("/none"));
  EXPECT_EQ(none.status, 204);
  EXPECT_FALSE(none.has("content-"));
  EXPECT_EQ(client.ask(get("/a")).status, 200);
}

TEST_F(ServerTest, RefusesMalformedRequests) {
  start();
  const std::pair<std::string, int> cases[] = {
      {"nonsense\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nBad Header: y\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\r\nX: a\x01z\r\n\r\n", 400},
      {"GET nowhere HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /%FF HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /?a=%C3 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 501},
      {"GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", 417},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
       400},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"\x16\x03\x01\x02", 400}};
  for (const auto& [bytes, status] : cases) {
    Client client(port_);
    const Answered answer = client.ask(bytes);
    EXPECT_EQ(answer.status, status) << quoted(bytes) << answer.body;
    EXPECT_TRUE(answer.has("application/problem+json") && answer.has("connection: close"));
    EXPECT_TRUE(client.ended()) << quoted(bytes);
  }
}

TEST_F(ServerTest, LimitsLinesHeadersAndBodies) {
  ServerOptions options;
  options.max_header = 1000;
  options.max_body = 5000;
  start(options);
  const std::string long_text(1200, 'a'), chunk = "7d0\r\n" + std::string(2000, 'b') + "\r\n";
  const std::pair<std::string, int> cases[] = {
      {get("/" + long_text), 414},
      {get("/" + long_text).substr(0, 1100), 414},
      {get("/", "X: " + long_text + "\r\n"), 431},
      {get("/", "X: " + long_text + "\r\n").substr(0, 1100), 431},
      {post(std::string(5001, 'x')), 413},
      {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n", 413},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + chunk + chunk,
       413},
      {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
           std::string(9000, 'y'),
       400}};
  for (const auto& [bytes, status] : cases) {
    Client client(port_);
    EXPECT_EQ(client.ask(bytes).status, status) << quoted(bytes);
    EXPECT_TRUE(client.ended());
  }
  Client client(port_);
  EXPECT_EQ(client.ask(get("/" + long_text.substr(0, 900))).status, 200);
  EXPECT_EQ(client.ask(post(std::string(5000, 'x'))).status, 200);
}

TEST_F(ServerTest, AnswersALargeBodyThatItRefusesWithoutAReset) {
  start();
  Client client(port_);
  client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n");
  for (int i = 0; i < 20; ++i) client.write(std::string(10'000, 'x'));
  EXPECT_EQ(client.read().status, 413);
}

TEST_F(ServerTest, ContinuesWhenTheClientExpectsIt) {
  ServerOptions options;
  options.max_body = 100;
  start(options);
  Client client(port_);
  const std::string body = "0123456789";
  const std::string whole = post(body, "Expect: 100-continue\r\n");
  EXPECT_EQ(client.ask(whole.substr(0, whole.size() - body.size())).status, 100);
  EXPECT_THAT(client.ask(body).body, HasSubstr(body));
  EXPECT_EQ(client.ask(post(std::string(200, 'x'), "Expect: 100-continue\r\n")).status, 413);
}

TEST_F(ServerTest, TimesOutSlowRequestsAndIdleConnections) {
  ServerOptions options;
  options.header_seconds = options.body_seconds = options.idle_seconds = 1;
  start(options);
  Client header(port_), body(port_), idle(port_), used(port_), expecting(port_);
  header.write("GET / HTTP/1.1\r\nHo");
  body.write(post("0123456789").substr(0, 60));
  expecting.write(
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(used.ask(get("/")).status, 200);
  EXPECT_EQ(header.read().status, 408);
  EXPECT_EQ(body.read().status, 408);
  EXPECT_EQ(expecting.read().status, 100);
  EXPECT_EQ(expecting.read().status, 408);
  EXPECT_TRUE(header.ended());
  EXPECT_TRUE(idle.ended());
  EXPECT_TRUE(used.ended());
}

TEST_F(ServerTest, WaitsForASlowHandlerLongerThanForAClient) {
  ServerOptions options;
  options.header_seconds = options.body_seconds = options.idle_seconds = 1;
  start(options);
  Client client(port_);
  client.write(get("/keep"));
  std::this_thread::sleep_for(1500ms);
  {
    const std::lock_guard lock(mutex_);
    kept_(text("at last"));
  }
  EXPECT_EQ(client.read().body, "at last");
}

TEST_F(ServerTest, DecompressesBodiesWithinTheLimit) {
  ServerOptions options;
  options.max_body = 100'000;
  start(options);
  const std::string encoded = "Content-Encoding: gzip\r\n";
  Client client(port_);
  EXPECT_THAT(client.ask(post(gzip("hello"), encoded)).body, HasSubstr(" hello"));
  EXPECT_THAT(client.ask(post(gzip("hello") + gzip(" again"), encoded)).body,
              HasSubstr(" hello again"));
  EXPECT_EQ(client.ask(post(gzip(std::string(100'000, 'x')), encoded)).body.size(),
            100'000 + std::string("POST /echo 127.0.0.1 ").size());
  EXPECT_EQ(Client(port_).ask(post(gzip(std::string(100'001, 'x')), encoded)).status, 413);
  EXPECT_EQ(Client(port_).ask(post(gzip("hello").substr(0, 12), encoded)).status, 400);
  EXPECT_EQ(Client(port_).ask(post("not gzip", encoded)).status, 400);
  EXPECT_EQ(Client(port_).ask(post("x", "Content-Encoding: br\r\n")).status, 415);
  const std::string bomb = gzip(std::string(5'000'000, '\0'));
  ASSERT_LT(bomb.size(), options.max_body);
  EXPECT_EQ(Client(port_).ask(post(bomb, encoded)).status, 413);
}

TEST_F(ServerTest, CompressesWhatTheClientCanRead) {
  start();
  Client client(port_);
  const Answered small = client.ask(get("/large", "Accept-Encoding: br, GZIP;q=0.5\r\n"));
  EXPECT_TRUE(small.has("content-encoding: gzip") && small.has("vary: accept-encoding"));
  std::string body = small.body;
  ASSERT_EQ(gunzip(body, 4'000'000), GunzipOutcome::whole);
  EXPECT_EQ(body, std::string(3'000'000, 'x'));
  EXPECT_EQ(client.ask(get("/large")).body.size(), 3'000'000u);
  EXPECT_FALSE(client.ask(get("/large", "Accept-Encoding: gzip;q=0\r\n")).has("content-encoding"));
  EXPECT_FALSE(client.ask(get("/a", "Accept-Encoding: gzip\r\n")).has("content-encoding"));
}

TEST_F(ServerTest, SurvivesHandlersThatFail) {
  start();
  Client client(port_);
  const Answered thrown = client.ask(get("/throw"));
  EXPECT_EQ(thrown.status, 500);
  EXPECT_THAT(thrown.body, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(seen(defects_), HasSubstr("a secret of the handler"));
  EXPECT_EQ(client.ask(get("/drop")).status, 500);
  EXPECT_THAT(seen(defects_), HasSubstr("dropped its Respond"));
  EXPECT_EQ(client.ask(get("/nonsense")).status, 500);
  EXPECT_EQ(client.ask(get("/twice")).body, "first");
  const Answered split = client.ask(get("/split-header"));
  EXPECT_TRUE(split.has("x-safe: a  x-evil: b\r\n") && !split.has("bad name"));
  EXPECT_EQ(split.body, "ok");
  EXPECT_EQ(client.ask(get("/a")).status, 200);
}

TEST_F(ServerTest, ObservesEveryAnswer) {
  start();
  Client(port_).ask(get("/a"));
  EXPECT_TRUE(soon([&] { return seen(observed_) == "200 /a;"; }));  // after it was sent
  Client(port_).ask(get("/%zz"));
  EXPECT_TRUE(soon([&] { return seen(observed_) == "200 /a;400 ;"; })) << seen(observed_);
}

TEST_F(ServerTest, AnswersFromAnotherThreadAndAfterTheClientLeft) {
  start();
  {
    Client leaver(port_);
    leaver.write(get("/late"));
    EXPECT_TRUE(soon([&] { return server_->connections() == 1; }));
  }
  EXPECT_EQ(Client(port_).ask(get("/late")).body, "late");
  EXPECT_TRUE(soon([&] { return server_->connections() == 0; }));
}

TEST_F(ServerTest, ServesManyConnectionsAtOnce) {
  start();
  std::vector<std::thread> clients;
  std::atomic<int> served = 0;
  for (int i = 0; i < 64; ++i) {
    clients.emplace_back([&, i] {
      Client client(port_);
      for (int k = 0; k < 50; ++k) {
        const std::string body = fmt::format("{}-{}", i, k);
        if (client.ask(post(body)).body == "POST /echo 127.0.0.1 " + body) ++served;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(served, 64 * 50);
}

TEST_F(ServerTest, TurnsAwayConnectionsOverTheLimit) {
  ServerOptions options;
  options.max_connections = 2;
  start(options);
  std::optional<Client> first(std::in_place, port_);
  Client second(port_);
  EXPECT_EQ(first->ask(get("/a")).status, 200);
  EXPECT_EQ(second.ask(get("/a")).status, 200);
  {
    Client third(port_);
    const Answered answer = third.read();
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.has("retry-after: 1"));
  }
  first.reset();
  EXPECT_TRUE(soon([&] { return server_->connections() == 1; }));
  EXPECT_EQ(Client(port_).ask(get("/a")).status, 200);
}

TEST_F(ServerTest, FinishesRequestsUnderWayWhenItStops) {
  start();
  Client idle(port_), busy(port_);
  EXPECT_EQ(idle.ask(get("/a")).status, 200);
  busy.write(get("/late"));
  std::this_thread::sleep_for(30ms);
  const auto before = std::chrono::steady_clock::now();
  server_->stop(10s);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  const Answered answer = busy.read();
  EXPECT_EQ(answer.body, "late");
  EXPECT_TRUE(answer.has("connection: close"));
  EXPECT_TRUE(idle.ended());
  EXPECT_FALSE(Client(port_).connected());
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(ServerTest, StopsWaitingWhenItsPatienceEnds) {
  start();
  Client client(port_);
  client.write(get("/keep"));
  EXPECT_TRUE(soon([&] {
    const std::lock_guard lock(mutex_);
    return kept_ != nullptr;
  }));
  server_->stop(50ms);
  EXPECT_TRUE(client.ended());
  kept_(text("too late"));
  server_.reset();
  kept_ = nullptr;
  EXPECT_EQ(seen(defects_), "");
}

TEST_F(ServerTest, ListensAtALocalSocketThatOnlyTheOwnerOpens) {
  const auto folder = std::filesystem::temp_directory_path() / fmt::format("http-{}", getpid());
  std::filesystem::create_directories(folder);
  ServerOptions options;
  options.unix_socket = folder / "attune.sock";
  start(options);
  EXPECT_EQ(Client(options.unix_socket).ask(get("/a")).body, "GET /a trusted unix ");
  EXPECT_EQ(Client(port_).ask(get("/a")).body, "GET /a 127.0.0.1 ");
  struct stat status{};
  ASSERT_EQ(::stat(options.unix_socket.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);

  const auto second = Server::start([](auto, auto) {}, options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(options.unix_socket));

  {  // a file that a killed server left behind
    const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, options.unix_socket.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(left);
  }
  start(options);
  EXPECT_EQ(Client(options.unix_socket).ask(get("/a")).status, 200);
  server_.reset();
  std::filesystem::remove_all(folder);
}

TEST_F(ServerTest, SaysWhyItCannotListen) {
  start();
  ServerOptions options;
  options.port = port_;
  const auto handler = [](const std::shared_ptr<Request>&, const Respond&) {};
  const auto taken = Server::start(handler, options);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::unavailable);
  EXPECT_THAT(taken.error().message, HasSubstr(fmt::format("port {} of 127.0.0.1", port_)));
  EXPECT_THAT(taken.error().message, HasSubstr("choose another port"));
  options = {};
  options.host = "no.such.host";
  EXPECT_EQ(Server::start(handler, options).error().code, ErrorCode::invalid_argument);
  options = {};
  options.unix_socket = "/" + std::string(200, 'x');
  EXPECT_THAT(Server::start(handler, options).error().message, HasSubstr("shorter path"));
  options = {};
  options.threads = 0;
  EXPECT_FALSE(Server::start(handler, options));
  EXPECT_FALSE(Server::start(nullptr, {}));
}

TEST_F(ServerTest, LetsTheOwnerDecorateEveryAnswer) {
  ServerOptions options;
  options.decorate = [](const Request& request, Response& response) {
    response.set_header("X-Path", request.path);
  };
  start(options);
  EXPECT_TRUE(Client(port_).ask(get("/a")).has("x-path: /a\r\n"));
  EXPECT_TRUE(Client(port_).ask("bad\r\n\r\n").has("x-path: \r\n"));
}

}  // namespace
}  // namespace attune::http
