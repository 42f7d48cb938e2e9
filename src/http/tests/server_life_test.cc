// Time, threads, limits of connections, start and stop.
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "server_fixture.h"

namespace attune::http {
namespace {

using ServerLife = ServerTest;

TEST_F(ServerLife, TimesOutSlowRequestsAndIdleConnections) {
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

TEST_F(ServerLife, WaitsForASlowHandlerLongerThanForAClient) {
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

TEST_F(ServerLife, SurvivesHandlersThatFail) {
  start();
  Client client(port_);
  const Answered thrown = client.ask(get("/throw"));
  EXPECT_EQ(thrown.status, 500);
  EXPECT_THAT(thrown.body, testing::Not(HasSubstr("secret")));
  EXPECT_THAT(defects(), HasSubstr("a secret of the handler"));
  EXPECT_EQ(client.ask(get("/drop")).status, 500);
  EXPECT_THAT(defects(), HasSubstr("dropped its Respond"));
  EXPECT_EQ(client.ask(get("/nonsense")).status, 500);
  EXPECT_EQ(client.ask(get("/twice")).body, "first");
  const Answered split = client.ask(get("/split-header"));
  EXPECT_TRUE(split.has("x-safe: a  x-evil: b\r\n") && !split.has("bad name"));
  EXPECT_EQ(split.body, "ok");
  EXPECT_EQ(client.ask(get("/a")).status, 200);
}

TEST_F(ServerLife, ObservesEveryAnswer) {
  start();
  // An answer is observed after it was sent, so that the next one could overtake it.
  Client(port_).ask(get("/a"));
  EXPECT_TRUE(soon([&] { return observed() == "200 /a;"; })) << observed();
  Client(port_).ask(get("/%zz"));
  EXPECT_TRUE(soon([&] { return observed() == "200 /a;400 ;"; })) << observed();
}

TEST_F(ServerLife, AnswersFromAnotherThreadAndAfterTheClientLeft) {
  start();
  {
    Client leaver(port_);
    leaver.write(get("/late"));
    EXPECT_TRUE(soon([&] { return server_->connections() == 1; }));
  }
  EXPECT_EQ(Client(port_).ask(get("/late")).body, "late");
  EXPECT_TRUE(soon([&] { return server_->connections() == 0; }));
}

TEST_F(ServerLife, AnswersAClientThatHasSaidAllItWill) {
  start();
  Client client(port_);
  client.write(get("/late") + get("/a"));
  ::shutdown(client.handle(), SHUT_WR);
  EXPECT_EQ(client.read().body, "late");
  EXPECT_EQ(client.read().body, "GET /a 127.0.0.1 ");
  EXPECT_TRUE(client.ended());
}

TEST_F(ServerLife, ServesManyConnectionsAtOnce) {
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

TEST_F(ServerLife, TurnsAwayConnectionsOverTheLimit) {
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

TEST_F(ServerLife, FinishesRequestsUnderWayWhenItStops) {
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

TEST_F(ServerLife, StopsWaitingWhenItsPatienceEnds) {
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
  EXPECT_EQ(defects(), "");
}

TEST_F(ServerLife, ListensAtALocalSocketThatOnlyTheOwnerOpens) {
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

TEST_F(ServerLife, LeavesAFileThatIsNoSocketAlone) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("http-file-{}", getpid());
  std::ofstream(path) << "mine";
  ServerOptions options;
  options.unix_socket = path;
  const auto server = Server::start([](auto, auto) {}, options);
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, ErrorCode::failed_precondition);
  EXPECT_TRUE(std::filesystem::exists(path));
  std::filesystem::remove(path);
}

TEST_F(ServerLife, ListensOnAnAddressOfIpVersion6) {
  ServerOptions options;
  options.host = "::";  // takes connections of version 4 too
  auto server =
      Server::start([](const std::shared_ptr<Request>& request,
                       const Respond& respond) { respond({200, "text/plain", request->peer, {}}); },
                    options);
  if (!server) GTEST_SKIP() << "no IPv6 here: " << server.error().message;
  EXPECT_EQ(Client(server->port()).ask(get("/")).body, "127.0.0.1");
}

TEST_F(ServerLife, SaysWhyItCannotListen) {
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

TEST_F(ServerLife, LetsTheOwnerDecorateEveryAnswer) {
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
