#include <algorithm>
#include <fstream>

#include "api_bench.h"
#include "attune/engine/decision_log.h"
#include "attune/engine/export.h"
#include "attune/engine/import.h"

namespace attune::http {
namespace {

using testing::Contains;
using testing::Each;
using testing::IsSupersetOf;
using testing::Not;

class RecommendationDoors : public ApiBench {
 protected:
  void SetUp() override {
    ApiBench::SetUp();
    fill_shop();
    train();
  }

  Told recommend(const std::string& body) { return post("/v1/recommendations", body); }
  void track(const std::string& customer, const std::string& event, const std::string& properties) {
    EXPECT_EQ(post("/v1/track", fmt::format(R"({{"userId":"{}","event":"{}","properties":{}}})",
                                            customer, event, properties))
                  .status,
              200);
    settle();
  }
  // Waits for the catalogue in memory, which is read again at most once a second.
  bool soon_without(const std::string& item) {
    return soon([&] {
      const auto items = items_of(recommend(R"({"customer":"nobody","count":100})"));
      return std::ranges::find(items, item) == items.end();
    });
  }
};

TEST_F(RecommendationDoors, AnswerForACustomerASessionABasketAnItemAndAStranger) {
  const Told customer = recommend(R"({"customer":"c1","count":3,"explain":true})");
  ASSERT_EQ(customer.status, 200) << customer.body;
  EXPECT_EQ(customer.text("/model"), "ials/1");
  EXPECT_EQ(customer.text("/policy"), "ranking");
  EXPECT_EQ(customer.at("/personal"), true);
  EXPECT_EQ(items_of(customer).size(), 3u);
  EXPECT_EQ(customer.at("/items/0/probability").to_number<double>(), 1);
  EXPECT_GE(customer.at("/items/0/reasons").as_array().size(), 1u);
  EXPECT_EQ(items_of(get("/v1/customers/c1/recommendations?count=3")), items_of(customer));

  // A session of the second group is shown the rest of that group first.
  const Told session = recommend(R"({"items":["p6","p7"],"count":2})");
  EXPECT_EQ(session.at("/personal"), true);
  EXPECT_THAT((std::vector<std::string>{"p8", "p9", "p10", "p11"}),
              IsSupersetOf(items_of(session)));
  const Told basket = recommend(R"({"customer":"c0","items":["p6"],"count":30})");
  EXPECT_THAT(items_of(basket), Not(Contains("p6")));

  const Told similar = recommend(R"({"similar_to":"p12","count":2})");
  ASSERT_EQ(similar.status, 200) << similar.body;
  EXPECT_THAT((std::vector<std::string>{"p13", "p14", "p15", "p16", "p17"}),
              IsSupersetOf(items_of(similar)));
  EXPECT_EQ(items_of(get("/v1/items/p12/similar?count=2")), items_of(similar));
  expect_problem(recommend(R"({"similar_to":"nothing"})"), 404, "similar_to");
  const Told why = recommend(R"({"similar_to":"p12","count":2,"explain":true})");
  EXPECT_EQ(why.text("/items/0/reasons/0/item_id"), "p12");
  EXPECT_THAT(why.text("/items/1/reasons/0/text"), HasSubstr("same customers as p12"));

  const Told stranger = recommend(R"({"customer":"nobody","count":4})");
  EXPECT_EQ(stranger.status, 200);
  EXPECT_EQ(stranger.at("/personal"), false);
  EXPECT_THAT(stranger.text("/notes/0"), HasSubstr("popular items"));
  EXPECT_EQ(items_of(stranger).size(), 4u);
  expect_problem(get("/v1/profiles/nobody"), 404);
}

// Who has bought an item is not shown it on the page of another.
TEST_F(RecommendationDoors, LeaveOutOfSimilarItemsWhatTheCustomerHas) {
  const auto similar = [&](const std::string& more) {
    return items_of(recommend(R"({"similar_to":"p12","count":4)" + more + "}"));
  };
  const auto all = similar("");
  ASSERT_EQ(all.size(), 4u);
  track("ann", "Order Completed",
        fmt::format(R"({{"products":[{{"product_id":"{}"}},{{"product_id":"{}"}}]}})", all[0],
                    all[2]));
  const auto left = similar(R"(,"customer":"ann")");
  EXPECT_THAT(left, Not(Contains(all[0])));
  EXPECT_THAT(left, Not(Contains(all[2])));
  EXPECT_EQ(left.size(), 4u);
  EXPECT_EQ(left[0], all[1]);
  EXPECT_EQ(similar(R"(,"customer":"ann","include_seen":true)"), all);
  track("ann", "consent_withdrawn", "{}");
  EXPECT_EQ(similar(R"(,"customer":"ann")"), all) << "nothing of theirs is looked at";
}

TEST_F(RecommendationDoors, ChangeTheirMindAtOnce) {
  const auto before = items_of(recommend(R"({"customer":"c0","count":30})"));
  ASSERT_GE(before.size(), 12u);
  const std::string bought = before.front();
  track("c0", "Order Completed", fmt::format(R"({{"products":[{{"product_id":"{}"}}]}})", bought));
  const auto after = items_of(recommend(R"({"customer":"c0","count":30})"));
  EXPECT_THAT(after, Not(Contains(bought)));
  EXPECT_EQ(after.size(), before.size() - 1);
  // A newcomer's first click moves the list to its group.
  EXPECT_EQ(recommend(R"({"customer":"new"})").at("/personal"), false);
  track("new", "Product Viewed", R"({"product_id":"p13"})");
  const Told list = recommend(R"({"customer":"new","count":2})");
  EXPECT_EQ(list.at("/personal"), true);
  EXPECT_THAT((std::vector<std::string>{"p12", "p14", "p15", "p16", "p17"}),
              IsSupersetOf(items_of(list)));
  // What it took back does no harm.
  track("c0", "Order Refunded", fmt::format(R"({{"products":[{{"product_id":"{}"}}]}})", bought));
  EXPECT_EQ(recommend(R"({"customer":"c0"})").status, 200);
}

TEST_F(RecommendationDoors, FollowAVisitorWhoLogsIn) {
  const auto anonymous = [&](const std::string& item) {
    EXPECT_EQ(post("/v1/track", fmt::format(R"({{"anonymousId":"dev","event":"Product Viewed",
                                "properties":{{"product_id":"{}"}}}})",
                                            item))
                  .status,
              200);
    settle();
  };
  anonymous("p6");
  anonymous("p7");
  const auto alone = items_of(recommend(R"({"anonymous":"dev","count":2})"));
  EXPECT_THAT((std::vector<std::string>{"p8", "p9", "p10", "p11"}), IsSupersetOf(alone));
  // Asked for as a customer it is the same device, and stays one.
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(items_of(recommend(R"({"customer":"dev","count":2})")), alone);
    settle();
  }
  EXPECT_EQ(items_of(recommend(R"({"customer":"stranger","anonymous":"dev","count":2})")), alone);
  settle();
  expect_problem(get("/v1/profiles/stranger"), 404);
  EXPECT_EQ(post("/v1/identify", R"({"userId":"zoe","anonymousId":"dev"})").status, 200);
  settle();
  EXPECT_EQ(items_of(recommend(R"({"customer":"zoe","count":2})")), alone);
  EXPECT_EQ(items_of(recommend(R"({"customer":"dev","count":2})")), alone);
  restart();
  EXPECT_EQ(items_of(recommend(R"({"customer":"zoe","count":2})")), alone);
}

TEST_F(RecommendationDoors, HonourConsent) {
  const auto personal = items_of(recommend(R"({"customer":"c1"})"));
  const auto popular = items_of(recommend(R"({"customer":"nobody"})"));
  const auto say = [&](const char* event) {
    track("c1", event, R"({"purpose":["personalisation"]})");
  };
  say("consent_withdrawn");
  const Told without = recommend(R"({"customer":"c1"})");
  EXPECT_EQ(items_of(without), popular);
  EXPECT_EQ(without.at("/personal"), false);
  EXPECT_THAT(without.text("/notes/0"), HasSubstr("no consent"));
  EXPECT_EQ(items_of(recommend(R"({"customer":"c1","items":["p6","p7"]})")), popular);
  restart();
  EXPECT_EQ(recommend(R"({"customer":"c1"})").at("/personal"), false);
  say("consent_given");
  EXPECT_EQ(items_of(recommend(R"({"customer":"c1"})")), personal);
}

// The shop's settings may ask first: then silence is a no.
TEST_F(RecommendationDoors, AskFirstWhereTheShopsRuleIsOptIn) {
  const auto personal = items_of(recommend(R"({"customer":"c1"})"));
  const auto popular = items_of(recommend(R"({"customer":"nobody"})"));
  ASSERT_NE(personal, popular);
  const auto basket = items_of(recommend(R"({"items":["p6","p7"]})"));
  const auto is_personal = [&](const std::string& body) {
    const Told told = recommend(body);
    const bool says = told.at("/personal").as_bool();
    EXPECT_EQ(says, items_of(told) != popular) << told.body;
    return says;
  };
  const auto say = [&](const char* event) {
    track("c1", event, R"({"purpose":["personalisation"]})");
  };
  for (const char* rules : {R"(["personalisation=opt-in"])", R"(["DE:personalisation=opt-in"])"}) {
    end();
    std::ofstream(root_ / "shop" / "attune.toml") << "[consent]\nrules = " << rules << "\n";
    begin();
    EXPECT_FALSE(is_personal(R"({"customer":"c4"})")) << rules;
    EXPECT_FALSE(is_personal(R"({"customer":"stranger","items":["p6","p7"]})"));
    EXPECT_FALSE(is_personal(R"({"anonymous":"device","items":["p6","p7"]})"));
    EXPECT_EQ(items_of(recommend(R"({"items":["p6","p7"]})")), basket) << "nobody's";
    say("consent_given");
    EXPECT_EQ(items_of(recommend(R"({"customer":"c1"})")), personal);
    restart();
    EXPECT_TRUE(is_personal(R"({"customer":"c1"})"));
    EXPECT_FALSE(is_personal(R"({"customer":"c4"})"));
    EXPECT_EQ(post("/v1/identify", R"({"userId":"c1","anonymousId":"device"})").status, 200);
    settle();
    EXPECT_TRUE(is_personal(R"({"anonymous":"device"})"));
    say("consent_withdrawn");
    EXPECT_FALSE(is_personal(R"({"customer":"c1"})"));
  }
  end();
  std::ofstream(root_ / "shop" / "attune.toml") << "[consent]\nrules = []\n";
  begin();
  EXPECT_TRUE(is_personal(R"({"customer":"c4"})"));
  EXPECT_FALSE(is_personal(R"({"customer":"c1"})"));
}

// A device that became a customer's says what holds for both, and the latest word counts.
TEST_F(RecommendationDoors, HonourConsentOfADeviceThatWasMerged) {
  EXPECT_EQ(post("/v1/identify", R"({"userId":"c1","anonymousId":"dev"})").status, 200);
  const auto say = [&](const char* who, const char* event) {
    EXPECT_EQ(post("/v1/track", fmt::format(R"({{{},"event":"{}"}})", who, event)).status, 200);
    settle();
  };
  say(R"("anonymousId":"dev")", "consent_withdrawn");
  EXPECT_EQ(recommend(R"({"customer":"c1"})").at("/personal"), false);
  EXPECT_EQ(recommend(R"({"anonymous":"dev"})").at("/personal"), false);
  say(R"("userId":"c1")", "consent_given");
  EXPECT_EQ(recommend(R"({"customer":"c1"})").at("/personal"), true);
  EXPECT_EQ(recommend(R"({"anonymous":"dev"})").at("/personal"), true);
}

TEST_F(RecommendationDoors, GiveProbabilitiesOfExploringPolicies) {
  for (const char* policy : {"epsilon:0.3", "plackett-luce:0.5", "epsilon", "ranking"}) {
    const Told list =
        recommend(fmt::format(R"({{"customer":"c2","count":5,"policy":"{}"}})", policy));
    ASSERT_EQ(list.status, 200) << list.body;
    const bool plain = std::string_view(policy) == "ranking";
    for (int i = 0; i < 5; ++i) {
      const double p = list.at(fmt::format("/items/{}/probability", i)).to_number<double>();
      EXPECT_GT(p, 0);
      if (plain) {
        EXPECT_EQ(p, 1);
      }
      if (!plain) {
        EXPECT_LT(p, 1);
      }
    }
    settle();
    const std::string door = "/v1/decisions/" + list.text("/recommendation_id");
    const Told decision = get(door);
    ASSERT_EQ(decision.status, 200) << decision.body;
    EXPECT_EQ(decision.text("/id"), list.text("/recommendation_id"));
    EXPECT_EQ(post(door + "/replay").at("/same"), true);
  }
  expect_problem(get("/v1/decisions/01ARZ3NDEKTSV4RRFFQ69G5FAV"), 404);
  expect_problem(post("/v1/decisions/nonsense/replay"), 404);
}

// What an operator takes elsewhere replays there.
TEST_F(RecommendationDoors, ReplayDecisionsOfAnExportThatWasImported) {
  const std::string id = recommend(R"({"customer":"c2","count":3})").text("/recommendation_id");
  settle();
  const auto file = root_ / "events.csv";
  NoProgress quiet;
  ASSERT_TRUE(service_->with([&](engine::Workspace& workspace) -> Status {
    engine::ExportOptions what;
    what.file = file;
    const auto rows = engine::export_table(workspace, what, quiet);
    return rows ? Status{} : std::unexpected(rows.error());
  }));
  end();
  engine::WorkspaceOptions fresh;
  fresh.create = true;
  auto elsewhere = engine::Workspace::open(root_ / "elsewhere", fresh);
  ASSERT_TRUE(elsewhere);
  engine::ImportRequest request;
  request.files = {file};
  request.currency = "GBP";
  const auto preview = engine::preview_import(request, file);
  ASSERT_TRUE(preview);
  ASSERT_TRUE(engine::run_import(*elsewhere, request, {preview->mapping}, quiet));
  const auto decision = engine::read_decision(*elsewhere, id);
  ASSERT_TRUE(decision) << to_string(decision.error());
  EXPECT_TRUE(decide::replay(*decision));
}

TEST_F(RecommendationDoors, LogDecisionsThatClicksJoin) {
  const Told list = recommend(R"({"customer":"c2","surface":" home\u0007 page ","count":3})");
  const std::string id = list.text("/recommendation_id"), item = list.text("/items/0/item_id");
  track("c2", "Product Clicked",
        fmt::format(R"({{"product_id":"{}","recommendation_id":"{}"}})", item, id));
  EXPECT_EQ(sql("SELECT d.channel || ' ' || d.source || ' ' || (d.customer = c.customer) FROM "
                "events d JOIN events c USING (decision_id) WHERE d.type = 'decision' AND c.type = "
                "'click'"),
            "home page attune true");
  // A stranger's decision is logged without a customer.
  recommend(R"({"customer":"nobody"})");
  settle();
  EXPECT_EQ(sql("SELECT count(*) FROM events WHERE type = 'decision' AND customer = 0"), "1");
  restart();
  EXPECT_EQ(post("/v1/decisions/" + id + "/replay").status, 200);
}

TEST_F(RecommendationDoors, NeverShowADeletedItemAgain) {
  ASSERT_THAT(items_of(recommend(R"({"customer":"nobody","count":100})")), Contains("p3"));
  EXPECT_EQ(ask(Method::del, "/v1/items/p3").status, 200);
  // Nothing else happens in the shop.
  ASSERT_TRUE(soon_without("p3"));
  EXPECT_THAT(items_of(recommend(R"({"similar_to":"p4","count":100})")), Not(Contains("p3")));
  EXPECT_THAT(items_of(recommend(R"({"items":["p4"],"count":100,"policy":"epsilon:1"})")),
              Not(Contains("p3")));
  train();
  EXPECT_THAT(items_of(recommend(R"({"customer":"nobody","count":100})")), Not(Contains("p3")));
  restart();
  EXPECT_THAT(items_of(recommend(R"({"customer":"nobody","count":100})")), Not(Contains("p3")));
}

TEST_F(RecommendationDoors, ObeyRulesExclusionsAndStock) {
  EXPECT_EQ(post("/v1/items", R"({"items":[{"id":"p1","category":"hats","stock":0},
              {"id":"p2","category":"hats","stock":3},{"id":"p4","category":["hats","sale"]}]})")
                .status,
            200);
  ASSERT_TRUE(soon_without("p1"));
  const Told hats = recommend(R"({"customer":"nobody","where":"category contains \"hats\""})");
  ASSERT_EQ(hats.status, 200) << hats.body;
  EXPECT_THAT(items_of(hats), testing::UnorderedElementsAre("p2", "p4"));
  EXPECT_THAT(items_of(recommend(R"({"customer":"nobody","count":100,"exclude":["p4"," p2 "]})")),
              testing::AllOf(Not(Contains("p4")), Not(Contains("p2"))));
  EXPECT_EQ(ask(Method::patch, "/v1/items/p1", R"({"stock":9})").status, 200);
  EXPECT_TRUE(soon([&] {
    return items_of(recommend(R"({"customer":"nobody","where":"category contains \"hats\""})"))
               .size() == 3;
  }));
}

TEST_F(RecommendationDoors, NameTheFieldThatIsWrong) {
  const std::pair<const char*, const char*> bodies[] = {
      {R"({"count":0})", "count"},
      {R"({"count":101})", "count"},
      {R"({"count":1.5})", "count"},
      {R"({"count":99999999999999999999})", "count"},
      {R"({"count":"ten"})", "count"},
      {R"({"language":"fr"})", "language"},
      {R"({"policy":"greedy"})", "policy"},
      {R"({"policy":"epsilon:7"})", "policy"},
      {R"({"where":"colour ="})", "where"},
      {R"({"where":"no_such_field == 1"})", "where"},
      {R"({"customer":["c1"]})", "customer"},
      {R"({"customer":"\u0007"})", "customer"},
      {R"({"items":"p1"})", "items"},
      {R"({"items":["p1",{}]})", "items[1]"},
      {R"({"explain":"yes"})", "explain"},
      {R"({"custmer":"c1"})", "custmer"},
      {R"({"customer":"c1","customer":"c2"})", "customer"}};
  for (const auto& [body, field] : bodies) {
    SCOPED_TRACE(body);
    expect_problem(recommend(body), 400, field);
  }
  for (const char* query :
       {"count=x", "count=", "explain=maybe", "nothing=1", "policy=greedy", "count=3&count=4"}) {
    SCOPED_TRACE(query);
    expect_problem(get(std::string("/v1/customers/c1/recommendations?") + query), 400,
                   std::string_view(query).substr(0, std::string_view(query).find('=')));
  }
  expect_problem(get("/v1/customers/c1/recommendations?surface=" + std::string(200, 'x')), 400,
                 "surface");
}

TEST_F(ApiBench, SaysThatNoModelIsTrained) {
  expect_problem(post("/v1/recommendations", R"({"customer":"c1"})"), 409);
  expect_problem(get("/v1/items/p1/similar"), 409);
}

}  // namespace
}  // namespace attune::http
