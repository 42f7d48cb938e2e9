// What a client may send, and what it hears.
#include "gzip.h"
#include "server_fixture.h"

namespace attune::http {
namespace {

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
      {"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
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

}  // namespace
}  // namespace attune::http
