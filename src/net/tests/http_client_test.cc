#include "attune/net/http_client.h"

#include <mutex>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loopback.h"

namespace attune::net {
namespace {

using ::testing::HasSubstr;
using testing::LoopbackServer;
using testing::Wire;

// Answers every request with the same bytes and keeps what it heard.
class Server {
 public:
  explicit Server(std::string answer)
      : answer_(std::move(answer)), server_([this](Wire& wire) { talk(wire); }) {}

  std::string url(std::string_view path = "/") const {
    return fmt::format("http://127.0.0.1:{}{}", server_.port(), path);
  }
  int port() const { return server_.port(); }
  int connections() const { return server_.connections(); }
  std::vector<std::string> requests() {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }

 private:
  void talk(Wire& wire) {
    std::string head = wire.hear_until("\r\n\r\n");
    if (const std::size_t at = head.find("Content-Length: "); at != std::string::npos)
      head += wire.hear_bytes(static_cast<std::size_t>(std::atoi(head.c_str() + at + 16)));
    {
      const std::scoped_lock lock(mutex_);
      requests_.push_back(head);
    }
    wire.say(answer_);
  }
  std::mutex mutex_;
  std::string answer_;
  std::vector<std::string> requests_;
  LoopbackServer server_;
};

std::string answer(std::string_view status, std::string_view headers, std::string_view body) {
  return fmt::format("HTTP/1.1 {}\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n{}", status,
                     headers, body.size(), body);
}

HttpOptions inner() {
  HttpOptions options;
  options.allow_inner_addresses = true;
  options.total_ms = 3000;
  return options;
}

TEST(HttpClient, PostsABodyAndReadsTheAnswer) {
  Server server(answer("202 Accepted", "X-Kind: a\r\nx-kind: b\r\n", "fine"));
  HttpClient client(inner());
  const auto got = client.send({"POST",
                                server.url("/hook?x=1"),
                                {{"Content-Type", "application/json"}, {"X-Empty", ""}},
                                "{\"a\":1}"});
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->status, 202);
  EXPECT_EQ(got->body, "fine");
  EXPECT_EQ(got->header("X-KIND"), "a");
  EXPECT_FALSE(got->header("absent"));
  ASSERT_EQ(server.requests().size(), 1u);
  const std::string heard = server.requests()[0];
  EXPECT_TRUE(heard.starts_with("POST /hook?x=1 HTTP/1.1\r\n")) << heard;
  EXPECT_THAT(heard, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(heard, HasSubstr("\r\nX-Empty:"));
  EXPECT_TRUE(heard.ends_with("\r\n\r\n{\"a\":1}"));
}

TEST(HttpClient, PutsABodyAndGetsWithoutOneAfterwards) {
  Server server(answer("200 OK", "", "fine"));
  HttpClient client(inner());
  EXPECT_EQ(client.send({"PUT", server.url("/thing"), {}, "whole"})->body, "fine");
  EXPECT_EQ(client.send({"GET", server.url("/thing"), {}, {}})->body, "fine");
  ASSERT_EQ(server.requests().size(), 2u);
  EXPECT_TRUE(server.requests()[0].starts_with("PUT /thing HTTP/1.1\r\n"));
  EXPECT_TRUE(server.requests()[0].ends_with("\r\n\r\nwhole"));
  EXPECT_TRUE(server.requests()[1].starts_with("GET /thing HTTP/1.1\r\n"));
}

TEST(HttpClient, DoesNotConnectToInnerAddressesUnlessAllowed) {
  Server server(answer("200 OK", "", "secret"));
  HttpClient client;
  for (const char* host : {"127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433",
                           "0x7f.1", "127.1"}) {
    const auto got =
        client.send({"GET", fmt::format("http://{}:{}/", host, server.port()), {}, {}});
    ASSERT_FALSE(got) << host;
    EXPECT_EQ(got.error().code, ErrorCode::permission_denied) << host << got.error().message;
    EXPECT_THAT(got.error().message, HasSubstr("inner address"));
  }
  EXPECT_EQ(server.connections(), 0);
}

TEST(HttpClient, GoesThroughNoProxyOfTheEnvironment) {
  Server proxy(answer("200 OK", "", "from the proxy"));
  ::setenv("http_proxy", proxy.url().c_str(), 1);
  HttpClient client;
  const auto got = client.send({"GET", "http://127.0.0.1:1/", {}, {}});
  ::unsetenv("http_proxy");
  EXPECT_EQ(got.error().code, ErrorCode::permission_denied);
  EXPECT_EQ(proxy.connections(), 0);
}

TEST(HttpClient, RefusesAnswersLargerThanTheLimit) {
  Server server(answer("200 OK", "", std::string(5000, 'x')));
  HttpOptions options = inner();
  options.answer_bytes_max = 4999;
  HttpClient client(options);
  EXPECT_EQ(client.send({"GET", server.url(), {}, {}}).error().code, ErrorCode::resource_exhausted);
  options.answer_bytes_max = 5000;
  EXPECT_EQ(HttpClient(options).send({"GET", server.url(), {}, {}})->body.size(), 5000u);
}

TEST(HttpClient, RefusesEndlessHeaders) {
  std::string headers;
  while (headers.size() < 80'000) headers += "X-More: " + std::string(500, 'y') + "\r\n";
  Server server(answer("200 OK", headers, "x"));
  EXPECT_EQ(HttpClient(inner()).send({"GET", server.url(), {}, {}}).error().code,
            ErrorCode::resource_exhausted);
}

TEST(HttpClient, GivesUpWhenTheTimeIsOver) {
  LoopbackServer silent([](Wire& wire) { wire.hear_until("never"); });
  HttpOptions options = inner();
  options.total_ms = 200;
  HttpClient client(options);
  const auto got = client.send({"GET", fmt::format("http://127.0.0.1:{}/", silent.port()), {}, {}});
  EXPECT_EQ(got.error().code, ErrorCode::unavailable);
}

TEST(HttpClient, CallsABrokenConnectionUnavailable) {
  for (const char* bytes :
       {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "nonsense\r\n\r\n"}) {
    Server server(bytes);
    EXPECT_EQ(HttpClient(inner()).send({"GET", server.url(), {}, {}}).error().code,
              ErrorCode::unavailable)
        << bytes;
  }
}

TEST(HttpClient, FollowsNoRedirectUnlessTold) {
  Server target(answer("200 OK", "", "target"));
  Server server(answer("302 Found", fmt::format("Location: {}\r\n", target.url()), ""));
  EXPECT_EQ(HttpClient(inner()).send({"GET", server.url(), {}, {}})->status, 302);
  HttpOptions options = inner();
  options.redirects_max = 3;
  // Another port is another host.
  EXPECT_EQ(HttpClient(options).send({"GET", server.url(), {}, {}})->status, 302);
  EXPECT_EQ(target.connections(), 0);
  options.redirects_to_other_hosts = true;
  EXPECT_EQ(
      HttpClient(options).send({"GET", server.url(), {{"Authorization", "Bearer k"}}, {}})->body,
      "target");
  EXPECT_THAT(server.requests().back(), HasSubstr("Bearer k"));
  EXPECT_THAT(target.requests().back(), ::testing::Not(HasSubstr("Bearer k")));
}

TEST(HttpClient, EndsALoopOfRedirects) {
  Server server(answer("307 Again", "Location: /round\r\n", ""));
  HttpOptions options = inner();
  options.redirects_max = 4;
  EXPECT_EQ(HttpClient(options).send({"POST", server.url(), {}, "x"})->status, 307);
  EXPECT_EQ(server.requests().size(), 5u);
}

TEST(HttpClient, PostsNothingAnewAfterAFoundRedirect) {
  Server server(answer("302 Found", "Location: /x\r\n", ""));
  HttpOptions options = inner();
  options.redirects_max = 4;
  EXPECT_EQ(HttpClient(options).send({"POST", server.url(), {}, "x"})->status, 302);
  EXPECT_EQ(server.requests().size(), 1u);
}

TEST(HttpClient, FollowsNoRedirectToAnotherScheme) {
  for (const char* to : {"file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/"}) {
    Server server(answer("302 Found", fmt::format("Location: {}\r\n", to), ""));
    HttpOptions options = inner();
    options.redirects_max = 3;
    options.redirects_to_other_hosts = true;
    EXPECT_EQ(HttpClient(options).send({"GET", server.url(), {}, {}})->status, 302);
  }
}

TEST(HttpClient, RefusesRequestsThatCouldSmuggle) {
  Server server(answer("200 OK", "", ""));
  HttpClient client(inner());
  const std::string url = server.url();
  const std::vector<HttpRequest> bad{
      {"DELETE", url, {}, {}},
      {"GET", "ftp://127.0.0.1/", {}, {}},
      {"GET", "file:///etc/passwd", {}, {}},
      {"GET", "http://user:pass@127.0.0.1/", {}, {}},
      {"GET", "http://127.0.0.1/a b", {}, {}},
      {"GET", "http://127.0.0.1/\r\nX: y", {}, {}},
      {"GET", "", {}, {}},
      {"GET", url, {{"X-A", "b\r\nX-C: d"}}, {}},
      {"GET", url, {{"X-A", std::string("b\0c", 3)}}, {}},
      {"GET", url, {{"X A", "b"}}, {}},
      {"GET", url, {{"", "b"}}, {}},
      {"GET", url, {{"Host", "other"}}, {}},
      {"POST", url, {{"Content-Length", "1"}}, "abc"},
      {"POST", url, {{"transfer-encoding", "chunked"}}, "abc"},
  };
  for (const HttpRequest& request : bad) {
    const auto got = client.send(request);
    ASSERT_FALSE(got) << request.url;
    EXPECT_EQ(got.error().code, ErrorCode::invalid_argument) << got.error().message;
  }
  EXPECT_EQ(server.connections(), 0);
}

}  // namespace
}  // namespace attune::net
