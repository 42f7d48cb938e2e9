#include "api_bench.h"

namespace attune::http {
namespace {

class ForgettingDoors : public ApiBench {
 protected:
  Told track(const std::string& user, const std::string& item, const std::string& more = "") {
    return post("/v1/track", fmt::format(R"({{"userId":"{}","event":"Product Viewed",{}
        "properties":{{"product_id":"{}"}}}})",
                                         user, more, item));
  }
  std::string metric(std::string_view name) {
    const std::string text = get("/metrics").body;
    const std::size_t at = text.find(fmt::format("\n{} ", name));
    return at == text.npos
               ? ""
               : text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
  }
};

TEST_F(ForgettingDoors, ForgetACustomerAtOnceAndLetNothingOfTheirsIn) {
  fill_shop();
  train();
  EXPECT_EQ(
      post("/v1/identify", R"({"userId":"c3","anonymousId":"phone","traits":{"city":"Leeds"}})")
          .status,
      200);
  EXPECT_EQ(post("/v1/track", R"({"userId":"c3","event":"No such event"})").status, 200);
  EXPECT_EQ(post("/v1/track", R"({"userId":"c4","event":"No such event"})").status, 200);
  settle();
  ASSERT_EQ(get("/v1/customers/c3/recommendations").text("/personal"), "true");
  ASSERT_EQ(get("/v1/refused").text("/total"), "2");
  ASSERT_EQ(get("/v1/profiles/c3").status, 200);
  // A view that is acknowledged before counts among what is forgotten.
  ASSERT_EQ(track("c3", "p9").status, 200);
  const Told forgotten = ask(Method::del, "/v1/customers/c3");
  ASSERT_EQ(forgotten.status, 200) << forgotten.body;
  EXPECT_EQ(forgotten.text("/identifiers"), "2");
  EXPECT_THAT(forgotten.body, testing::Not(HasSubstr("c3")));
  EXPECT_EQ(get("/v1/customers/c3/recommendations").text("/personal"), "false");
  EXPECT_EQ(get("/v1/profiles/c3").status, 404);
  EXPECT_EQ(get("/v1/refused").text("/total"), "1");
  EXPECT_EQ(metric("attune_messages_refused"), "1");
  EXPECT_EQ(trait("c3", "city"), "-");
  EXPECT_EQ(get("/v1/customers/c4/recommendations").text("/personal"), "true");
  // What comes later is answered as ever, and kept nowhere.
  settle();  // decisions are kept a moment later
  const std::string journal = get("/health/ready").text("/journal");
  EXPECT_EQ(track("c3", "p1").text("/success"), "true");
  EXPECT_EQ(post("/v1/track", R"({"anonymousId":"phone","event":"Product Viewed",
      "properties":{"product_id":"p1"}})")
                .status,
            200);
  EXPECT_EQ(post("/v1/track", R"({"userId":"c3","event":"No such event"})").status, 200);
  EXPECT_EQ(post("/v1/alias", R"({"userId":"c8","previousId":"c3"})").status, 200);
  EXPECT_EQ(get("/health/ready").text("/journal"), journal);
  EXPECT_EQ(metric("attune_suppressed_total"), "4");
  // Somebody else on that device is let in, without it.
  EXPECT_EQ(track("c5", "p2", R"("anonymousId":"phone",)").status, 200);
  settle();
  EXPECT_EQ(sql("SELECT count(*) FROM events WHERE customer = 0 AND type <> 'decision'"), "6");
  expect_problem(ask(Method::put, "/v1/customers/c3", R"({"city":"York"})"), 409, "id");
  expect_problem(post("/v1/customers", R"({"customers":[{"id":"c4"},{"id":"c3"}]})"), 409,
                 "customers[1].id");
  // The same receipt again; after a restart too.
  EXPECT_EQ(ask(Method::del, "/v1/customers/c3").body, forgotten.body);
  restart();
  EXPECT_EQ(ask(Method::del, "/v1/customers/phone").body, forgotten.body);
  EXPECT_EQ(get("/v1/profiles/c3").status, 404);
}

TEST_F(ForgettingDoors, SayThatNobodyIsCalledSoAndMakeNobody) {
  fill_shop(3);
  const std::string journal = get("/health/ready").text("/journal");
  expect_problem(ask(Method::del, "/v1/customers/nobody"), 404, "id");
  settle();
  EXPECT_EQ(get("/health/ready").text("/journal"), journal);
  const std::string key = make_key(engine::KeyScope::read);
  EXPECT_EQ(with_key(Method::del, "/v1/customers/c1", key).status, 403);
  EXPECT_EQ(get("/v1/profiles/c1").status, 200);
}

}  // namespace
}  // namespace attune::http
