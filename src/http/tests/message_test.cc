#include "attune/http/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "target.h"

namespace attune::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

Request reading(std::string_view target) {
  Request request;
  EXPECT_TRUE(read_target(target, request)) << target;
  return request;
}

TEST(Request, FindsHeadersInAnyCaseAndTheFirstOfSeveral) {
  Request request;
  request.headers = {{"Content-Type", "text/plain"}, {"X-A", "1"}, {"x-a", "2"}};
  EXPECT_EQ(request.header("content-TYPE"), "text/plain");
  EXPECT_EQ(request.header("X-A"), "1");
  EXPECT_EQ(request.header("X-"), "");
}

TEST(Request, TellsAnEmptyQueryValueFromAnAbsentOne) {
  const Request request = reading("/a?x&y=&z=1&z=2");
  EXPECT_EQ(request.query_value("x"), "");
  EXPECT_EQ(request.query_value("y"), "");
  EXPECT_EQ(request.query_value("z"), "1");
  EXPECT_EQ(request.query_value("w"), std::nullopt);
}

TEST(Target, IsDecodedIntoPathAndQuery) {
  const Request request = reading("/v1/%E8%8C%B6%20x+y?a%3Db=c%26d&&q=a+b%2Bc");
  EXPECT_EQ(request.path, "/v1/茶 x+y");
  EXPECT_EQ(request.target, "/v1/%E8%8C%B6%20x+y?a%3Db=c%26d&&q=a+b%2Bc");
  EXPECT_THAT(request.query, ElementsAre(Pair("a=b", "c&d"), Pair("q", "a b+c")));
}

TEST(Target, LosesTheAuthorityOfTheAbsoluteForm) {
  EXPECT_EQ(reading("http://example.org:80/v1?x=1").target, "/v1?x=1");
  EXPECT_EQ(reading("HTTPS://example.org").path, "/");
  EXPECT_EQ(reading("http://example.org?x=1").target, "/?x=1");
}

TEST(Target, RefusesWhatIsNoPathAndWhatIsNoText) {
  for (const std::string_view bad :
       {"", "v1", "/%", "/%4", "/%4g", "/%FF", "/%C0%AF", "/%ED%A0%80", "/%00", "/a#b", "/?q=%",
        "/?q=%FF", "/?%zz=1", "/?q=%00", "\xFF"}) {
    Request request;
    EXPECT_FALSE(read_target(bad, request)) << bad;
  }
}

TEST(Target, SplitsBeforeItDecodes) {
  EXPECT_THAT(split_path("/a%2Fb/c").value(), ElementsAre("a/b", "c"));
  EXPECT_THAT(split_path("/").value(), ElementsAre(""));
  EXPECT_THAT(split_path("/a//").value(), ElementsAre("a", "", ""));
}

TEST(Problem, CarriesCodeDetailAndField) {
  const Response response = problem(invalid_argument("price is \"x\"\n"), "items[3].price");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.body,
            R"({"type":"about:blank","title":"Bad Request","status":400,)"
            R"("detail":"price is \"x\"\n","code":"invalid_argument","field":"items[3].price"})");
}

TEST(Problem, KeepsTheContextOfAnErrorInside) {
  const Response response = problem(internal_error("broken").within("reading /secret/place"));
  EXPECT_EQ(response.status, 500);
  EXPECT_THAT(response.body, testing::Not(HasSubstr("secret")));
}

TEST(Problem, TakesTheStatusOfEveryCode) {
  for (const ErrorCodeInfo& code : all_error_codes()) {
    const Response response = problem(Error{code.code, "m", {}});
    EXPECT_EQ(response.status, code.http_status);
    EXPECT_NE(reason_phrase(response.status), "Unknown");
    EXPECT_THAT(response.body, HasSubstr(code.name));
  }
}

TEST(JsonString, IsUtf8WhateverWentIn) {
  std::string out;
  append_json_string(out, std::string_view("茶\xFFz\x01\\\xE8\x8C", 9));
  EXPECT_EQ(out, "\"茶\uFFFDz\\u0001\\\\\uFFFD\uFFFD\"");
}

TEST(Response, SetsAHeaderOnce) {
  Response response;
  response.set_header("Vary", "a");
  response.set_header("vary", "b");
  ASSERT_EQ(response.headers.size(), 1u);
  EXPECT_EQ(response.headers[0].value, "b");
}

}  // namespace
}  // namespace attune::http
