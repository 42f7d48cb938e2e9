#include "attune/http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "target.h"

namespace attune::http {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Handler saying(std::string text) {
  return [text = std::move(text)](std::shared_ptr<Request>, const Respond& respond) {
    respond({200, "text/plain", text, {}});
  };
}

struct Answer {
  Response response;
  std::shared_ptr<Request> request;
};

Answer ask(const Router& router, Method method, std::string_view target) {
  Answer answer{{0, "", "", {}}, std::make_shared<Request>()};
  answer.request->method = method;
  EXPECT_TRUE(read_target(target, *answer.request));
  router.handle(answer.request, [&](Response response) { answer.response = std::move(response); });
  return answer;
}

std::string allow(const Response& response) {
  for (const Header& header : response.headers) {
    if (header.name == "Allow") return header.value;
  }
  return "";
}

Router shop() {
  Router router;
  router.add(Method::get, "/", saying("root"));
  router.add(Method::get, "/v1/items", saying("list"));
  router.add(Method::post, "/v1/items", saying("create"));
  router.add(Method::get, "/v1/items/{id}", saying("one"));
  router.add(Method::del, "/v1/items/{id}", saying("delete"));
  router.add(Method::get, "/v1/items/top", saying("top"));
  router.add(Method::get, "/v1/{kind}/{id}/likes", saying("likes"));
  router.add(Method::get, "/console/{file...}", saying("console"));
  return router;
}

TEST(Router, FindsLiteralsAndParameters) {
  const Router router = shop();
  EXPECT_EQ(ask(router, Method::get, "/").response.body, "root");
  EXPECT_EQ(ask(router, Method::get, "/v1/items?limit=3").response.body, "list");
  EXPECT_EQ(ask(router, Method::post, "/v1/items").response.body, "create");
  const Answer one = ask(router, Method::get, "/v1/items/a%2Fb%E8%8C%B6");
  EXPECT_EQ(one.response.body, "one");
  EXPECT_THAT(one.request->parameters, ElementsAre("a/b茶"));
  EXPECT_EQ(one.request->route, "/v1/items/{id}");
}

TEST(Router, PrefersLiteralsAndComesBackFromDeadEnds) {
  const Router router = shop();
  EXPECT_EQ(ask(router, Method::get, "/v1/items/top").response.body, "top");
  const Answer likes = ask(router, Method::get, "/v1/items/top/likes");
  EXPECT_EQ(likes.response.body, "likes");
  EXPECT_THAT(likes.request->parameters, ElementsAre("items", "top"));
}

TEST(Router, TakesTheRestOfAPath) {
  const Router router = shop();
  EXPECT_THAT(ask(router, Method::get, "/console/a/b.js").request->parameters,
              ElementsAre("a/b.js"));
  EXPECT_THAT(ask(router, Method::get, "/console/").request->parameters, ElementsAre(""));
  EXPECT_EQ(ask(router, Method::get, "/console").response.status, 404);
}

TEST(Router, AnswersUnknownPathsWithAProblem) {
  const Router router = shop();
  for (const std::string_view path :
       {"/v2", "/v1/items/", "/v1/items/a/b", "/v1//likes", "/V1/items", "//", "/v1"}) {
    const Answer answer = ask(router, Method::get, path);
    EXPECT_EQ(answer.response.status, 404) << path;
    EXPECT_EQ(answer.response.content_type, "application/problem+json");
    EXPECT_THAT(answer.request->route, IsEmpty());
    EXPECT_THAT(answer.request->parameters, IsEmpty()) << path;
  }
}

TEST(Router, NamesTheMethodsThatAreAllowed) {
  const Router router = shop();
  const Answer answer = ask(router, Method::put, "/v1/items/7");
  EXPECT_EQ(answer.response.status, 405);
  EXPECT_EQ(allow(answer.response), "GET, HEAD, DELETE, OPTIONS");
  EXPECT_THAT(answer.response.body, HasSubstr("PUT is not for this path"));
  EXPECT_EQ(answer.request->route, "/v1/items/{id}");
}

TEST(Router, KnowsNoRouteOfAMethodThatItDoesNotKnow) {
  const Router router = shop();
  const Answer known = ask(router, Method::other, "/v1/items/7");
  EXPECT_EQ(known.response.status, 405);
  EXPECT_EQ(allow(known.response), "GET, HEAD, DELETE, OPTIONS");
  EXPECT_THAT(known.response.body, HasSubstr("that method is not for this path; use GET"));
  EXPECT_EQ(ask(router, Method::other, "/v2").response.status, 404);
}

TEST(Router, ServesHeadByGetAndAnswersOptions) {
  const Router router = shop();
  const Answer head = ask(router, Method::head, "/v1/items/7");
  EXPECT_EQ(head.response.status, 200);
  EXPECT_EQ(head.request->method, Method::head);
  const Answer options = ask(router, Method::options, "/v1/items");
  EXPECT_EQ(options.response.status, 204);
  EXPECT_EQ(allow(options.response), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(allow(ask(router, Method::options, "*").response), "GET, HEAD, POST, DELETE, OPTIONS");
}

TEST(Router, TakesAPathThatWasWrittenByHand) {
  auto request = std::make_shared<Request>();
  request->path = "/v1/items/100%";
  shop().handle(request, [](const Response& response) { EXPECT_EQ(response.body, "one"); });
  EXPECT_THAT(request->parameters, ElementsAre("100%"));
}

TEST(Router, ListsItsRoutesInOrder) {
  Router router;
  router.add(Method::post, "/b", saying("b"));
  router.add(Method::get, "/a", saying("a"));
  EXPECT_THAT(router.routes(), ElementsAre(Pair(Method::post, "/b"), Pair(Method::get, "/a")));
}

TEST(RouterDeathTest, StopsOnPatternsThatCannotBeMeant) {
  Router router;
  router.add(Method::get, "/a/{x}", saying(""));
  EXPECT_DEATH(router.add(Method::get, "/a/{y}", saying("")), "added once");
  EXPECT_DEATH(router.add(Method::get, "a", saying("")), "begins with a slash");
  EXPECT_DEATH(router.add(Method::get, "/{x...}/b", saying("")), "stands at the end");
  EXPECT_DEATH(router.add(Method::get, "/a{x}", saying("")), "literal");
}

}  // namespace
}  // namespace attune::http
