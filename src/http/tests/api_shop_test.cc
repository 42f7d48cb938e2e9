#include <algorithm>
#include <regex>
#include <set>
#include <sstream>

#include "api_bench.h"
#include "api_context.h"

namespace attune::http {
namespace {

using engine::KeyScope;
using testing::Not;

class ShopDoors : public ApiBench {
 protected:
  // -1: there is no such segment.
  std::int64_t members_of(std::string_view segment) {
    const json::value list = get("/v1/segments").at("/segments");
    for (const json::value& one : list.as_array()) {
      if (one.at("name").as_string() == segment) return one.at("members").to_number<std::int64_t>();
    }
    return -1;
  }
};

TEST_F(ShopDoors, StateItems) {
  EXPECT_EQ(ask(Method::put, "/v1/items/tea", R"({"name":" Green\n tea ","price":2.505,
                "currency":"GBP","category":["drinks","tea"],"stock":7,"brand":"Leaf",
                "organic":true,
                "weight":0.25})")
                .status,
            200);
  settle();
  const Told tea = get("/v1/items/tea");
  EXPECT_EQ(tea.text("/name"), "Green tea");
  EXPECT_EQ(tea.text("/currency"), "GBP");
  EXPECT_NEAR(tea.at("/price").to_number<double>(), 2.505, .0051);
  EXPECT_EQ(tea.at("/category").as_array().size(), 2u);
  EXPECT_EQ(tea.text("/organic"), "true");
  EXPECT_EQ(ask(Method::patch, "/v1/items/tea", R"({"price":3})").status, 200);
  EXPECT_EQ(post("/v1/items", R"({"items":[{"id":"cup","price":4,"currency":"JPY"},
                {"id":"pot","name":"Pot"},{"id":5}]})")
                .text("/accepted"),
            "3");
  settle();
  EXPECT_EQ(get("/v1/items/tea").at("/price").to_number<double>(), 3);
  EXPECT_EQ(get("/v1/items/tea").text("/name"), "Green tea");
  EXPECT_EQ(get("/v1/items/cup").at("/price").to_number<double>(), 4);
  EXPECT_EQ(get("/v1/items/5").status, 200);
  EXPECT_EQ(sql("SELECT count(*) FROM events WHERE type = 'item_changed'"), "5");
  expect_problem(get("/v1/items/nothing"), 404);
  // A price without its currency is in the item's.
  EXPECT_EQ(ask(Method::patch, "/v1/items/cup", R"({"price":500})").status, 200);
  settle();
  EXPECT_EQ(get("/v1/items/cup").at("/price").to_number<double>(), 500);
}

// Prices are kept in minor units: 100 of GBP, 1 of JPY.
TEST_F(ShopDoors, KeepAPriceInItsCurrency) {
  const auto price = [&](const std::string& item) {
    settle();
    return get("/v1/items/" + item).at("/price").to_number<double>();
  };
  // A moment after the item was stated, and in one body with it.
  EXPECT_EQ(ask(Method::put, "/v1/items/a", R"({"price":1000,"currency":"JPY"})").status, 200);
  EXPECT_EQ(ask(Method::patch, "/v1/items/a", R"({"price":900})").status, 200);
  EXPECT_EQ(price("a"), 900);
  EXPECT_EQ(post("/v1/items", R"({"items":[{"id":"b","price":1000,"currency":"JPY"},
                {"id":"b","price":800}]})")
                .status,
            200);
  EXPECT_EQ(price("b"), 800);
  // Another currency alone would make another price of it.
  expect_problem(ask(Method::patch, "/v1/items/a", R"({"currency":"GBP"})"), 400, "currency");
  EXPECT_EQ(ask(Method::patch, "/v1/items/a", R"({"currency":"KRW"})").status, 200);
  EXPECT_EQ(price("a"), 900);
  EXPECT_EQ(ask(Method::put, "/v1/items/c", R"({"currency":"JPY"})").status, 200);
  EXPECT_EQ(ask(Method::patch, "/v1/items/c", R"({" price ":12})").status, 200);
  EXPECT_EQ(price("c"), 12);
}

TEST_F(ShopDoors, KeepWhatWasStatedAsItWasWritten) {
  const char* traits = R"({"n":1.5,"price":19.99,"z":1e3,"whole":7,"list":["a","b",2.5]})";
  EXPECT_EQ(ask(Method::put, "/v1/customers/ann", traits).status, 200);
  EXPECT_EQ(ask(Method::put, "/v1/items/tea", R"({"weight":0.25,"tags":["b","a"]})").status, 200);
  settle();
  EXPECT_EQ(trait("ann", "n"), "1.5");
  EXPECT_EQ(trait("ann", "price"), "19.99");
  EXPECT_EQ(trait("ann", "z"), "1000");
  EXPECT_EQ(trait("ann", "whole"), "7");
  EXPECT_EQ(trait("ann", "list"), R"(["a","b",2.5])");
  EXPECT_EQ(get("/v1/items/tea").text("/weight"), "0.25");
  EXPECT_EQ(get("/v1/items/tea").text("/tags"), R"(["a","b"])");
}

TEST_F(ShopDoors, NameTheFieldOfAnItemThatIsWrong) {
  const std::pair<const char*, const char*> bodies[] = {
      {R"({"price":-1})", "price"},
      {R"({"price":"3"})", "price"},
      {R"({"price":1e300})", "price"},
      {R"({"price":1e999})", "price"},
      {R"({"stock":"many"})", "stock"},
      {R"({"currency":"pounds"})", "currency"},
      {R"({"size":{"x":1}})", "size"},
      {R"({"stock":null})", "stock"},
      {R"({"tags":["a",null]})", "tags"},
      {R"({"size":[[1]]})", "size"},
      {R"({"size":1,"size":2})", "size"},
      {R"({"":"x"})", ""},
      {R"({"price":[1,2]})", "price"},
      {R"({" price ":-1})", " price "},
      {R"({"size":1," size":2})", " size"},
      {R"({"id":"other"})", "id"},
      {R"({"hidden":"on"})", "hidden"},
      {R"({"hidden":7})", "hidden"},
      {R"({"currency":7})", "currency"},
      {R"({"name":""})", "name"},
      {R"({"tags":[]})", "tags"},
      {R"({"ean":12345678901234567890123})", "ean"},
      {R"([])", ""},
      {R"({"name":")", ""}};
  for (const auto& [body, field] : bodies) {
    SCOPED_TRACE(body);
    expect_problem(ask(Method::put, "/v1/items/x", body), 400, field);
  }
  expect_problem(post("/v1/items", R"({"items":[{"id":"a"},{"name":"b"}]})"), 400, "items[1].id");
  expect_problem(post("/v1/items", R"({"items":[{"id":"a","price":-1}]})"), 400, "items[0].price");
  expect_problem(post("/v1/items", R"({"items":["a"]})"), 400, "items[0].id");
  expect_problem(post("/v1/items", "{}"), 400, "items");
  expect_problem(post("/v1/customers", R"({"customers":{}})"), 400, "customers");
  settle();
  EXPECT_EQ(sql("SELECT count(*) FROM events"), "0");
}

TEST_F(ShopDoors, StateCustomersAndTheirSegments) {
  fill_shop(6);
  EXPECT_EQ(ask(Method::put, "/v1/customers/c1", R"({"city":"Köln","vip":true})").status, 200);
  EXPECT_EQ(post("/v1/customers", R"({"customers":[{"id":"c2","city":"Bonn"},{"id":"c7"}]})")
                .text("/accepted"),
            "2");
  settle();
  EXPECT_EQ(trait("c1", "city"), "Köln");
  EXPECT_EQ(trait("c2", "city"), "Bonn");
  EXPECT_EQ(get("/v1/profiles/c7").status, 200);
  EXPECT_EQ(members_of("buyers"), -1);
  EXPECT_EQ(ask(Method::put, "/v1/segments/buyers",
                R"({"rule":"frequency >= 1","description":"who bought"})")
                .status,
            200);
  EXPECT_EQ(members_of("buyers"), 6);
  EXPECT_EQ(ask(Method::put, "/v1/segments/buyers", R"({"rule":"frequency >= 99"})").status, 200);
  EXPECT_EQ(members_of("buyers"), 0);
  EXPECT_EQ(ask(Method::put, "/v1/segments/buyers", R"({"rule":"frequency >= 1"})").status, 200);
  const Told members = get("/v1/segments/buyers/members?limit=2");
  EXPECT_EQ(members.status, 200) << members.body;
  EXPECT_EQ(members.text("/customers"), R"(["c0","c1"])");
  EXPECT_EQ(
      get("/v1/segments/buyers/members?limit=2&after=" + members.text("/after")).text("/customers"),
      R"(["c2","c3"])");
  const Told preview = post("/v1/segments/preview", R"({"rule":"frequency >= 1"})");
  EXPECT_EQ(preview.text("/members"), "6");
  const Told wrong = post("/v1/segments/preview", R"({"rule":"frequency >= 1 and frequancy < 3"})");
  expect_problem(wrong, 400, "rule");
  EXPECT_THAT(wrong.text("/detail"), HasSubstr("frequency"));
  expect_problem(ask(Method::put, "/v1/segments/broken", R"({"rule":"frequency >="})"), 400,
                 "rule");
  expect_problem(ask(Method::put, "/v1/segments/broken"), 400, "rule");
  expect_problem(get("/v1/segments/nothing/members"), 404);
  expect_problem(get("/v1/segments/buyers/members?limit=many"), 400, "limit");
  EXPECT_EQ(ask(Method::del, "/v1/segments/buyers").status, 200);
  expect_problem(ask(Method::del, "/v1/segments/buyers"), 404);
}

TEST_F(ShopDoors, ServeAnOlderModelAndTheNewerOneAgain) {
  fill_shop();
  train();
  train();
  const auto serves = [&] {
    return post("/v1/recommendations", R"({"customer":"c1"})").text("/model");
  };
  EXPECT_EQ(serves(), "ials/2");
  const Told models = get("/v1/models");
  EXPECT_EQ(models.at("/models").as_array().size(), 4u);
  EXPECT_EQ(models.text("/models/0/name"), "ials");
  EXPECT_EQ(models.text("/models/0/version"), "2");
  EXPECT_EQ(models.at("/models/0/current"), true);
  EXPECT_EQ(post("/v1/models/ials/activate", R"({"version":1})").status, 200);
  EXPECT_EQ(serves(), "ials/1");
  restart();
  EXPECT_EQ(serves(), "ials/1");
  EXPECT_EQ(post("/v1/models/ials/activate", R"({"version":2})").status, 200);
  EXPECT_EQ(serves(), "ials/2");
  expect_problem(post("/v1/models/ials/activate", R"({"version":9})"), 404, "version");
  expect_problem(post("/v1/models/nothing/activate", R"({"version":1})"), 404);
  expect_problem(post("/v1/models/..%2Fmodels%2Fials/activate", R"({"version":1})"), 404);
  expect_problem(post("/v1/models/ials/activate", R"({"version":"1"})"), 400, "version");
}

TEST_F(ShopDoors, TrainInTheBackgroundAndStopIt) {
  expect_problem(ask(Method::del, "/v1/jobs/1"), 404);
  EXPECT_EQ(post("/v1/jobs").status, 202);
  wait_for_job();
  EXPECT_EQ(get("/v1/jobs").text("/jobs/0/state"), "failed");
  EXPECT_THAT(get("/v1/jobs").text("/jobs/0/message"), HasSubstr("nothing to learn from"));
  fill_shop();
  train();
  EXPECT_THAT(get("/v1/jobs").text("/jobs/0/message"), HasSubstr("ials/1"));
  const Told started =
      post("/v1/jobs",
           R"({"names":["item_knn","ials"],"set":["ials.iterations=10000","ials.tolerance=0"]})");
  if (started.status != 202) {
    FAIL() << started.body;
  }
  expect_problem(post("/v1/jobs", R"({"kind":"train"})"), 409);
  EXPECT_EQ(ask(Method::del, "/v1/jobs/" + started.text("/number")).status, 200);
  wait_for_job();
  EXPECT_EQ(get("/v1/jobs").text("/jobs/0/state"), "cancelled") << get("/v1/jobs").body;
  expect_problem(ask(Method::del, "/v1/jobs/" + started.text("/number")), 409);
  EXPECT_EQ(post("/v1/recommendations", R"({"customer":"c1"})").text("/model"), "ials/1");
  // Nothing of it stays, not even what was fitted before the end.
  EXPECT_EQ(get("/v1/models").at("/models").as_array().size(), 2u) << get("/v1/models").body;
  expect_problem(post("/v1/jobs", R"({"kind":"bake"})"), 400, "kind");
  expect_problem(post("/v1/jobs", R"({"set":["factors"]})"), 400, "set");
  expect_problem(ask(Method::del, "/v1/jobs/x"), 400, "number");
}

TEST_F(ShopDoors, KeepKeysAndNeverShowTheirSecrets) {
  const Told first = post("/v1/keys", R"({"scope":"admin","label":"me"})");
  ASSERT_EQ(first.status, 201) << first.body;
  const std::string admin = first.text("/key"), admin_id = admin.substr(0, admin.find('_', 3));
  const Told last = ask(Method::del, "/v1/keys/" + admin_id);
  expect_problem(last, 409);
  EXPECT_THAT(last.text("/detail"), HasSubstr("last admin key"));
  const Told write = post("/v1/keys", R"({"scope":"write"})");
  const std::string secret = write.text("/key"), id = secret.substr(0, secret.find('_', 3));
  const Told rotated = post("/v1/keys/" + id + "/rotate");
  EXPECT_EQ(rotated.status, 201);
  EXPECT_EQ(post("/v1/keys/" + admin_id + "/rotate").status, 201);
  const Told list = get("/v1/keys");
  EXPECT_EQ(list.at("/keys").as_array().size(), 4u);
  for (const Told* told : {&first, &write, &rotated}) {
    const std::string shown = told->text("/key");
    EXPECT_THAT(list.body, Not(HasSubstr(shown)));
    EXPECT_THAT(list.body, Not(HasSubstr(shown.substr(shown.find('_', 3)))));
  }
  EXPECT_EQ(with_key(Method::get, "/v1/keys", admin).status, 401);
  EXPECT_EQ(with_key(Method::post, "/v1/track", secret).status, 401);
  EXPECT_NE(with_key(Method::post, "/v1/track", rotated.text("/key")).status, 401);
  expect_problem(post("/v1/keys", R"({"scope":"root"})"), 400, "scope");
  expect_problem(post("/v1/keys", "{}"), 400, "scope");
  expect_problem(post("/v1/keys/at_nobody/rotate"), 404);
  expect_problem(ask(Method::del, "/v1/keys/" + id), 404);
}

TEST_F(ShopDoors, TellHowTheyAre) {
  EXPECT_EQ(with_key(Method::get, "/health/live", "").status, 200);
  EXPECT_EQ(with_key(Method::get, "/health/live", "", "{nonsense").status, 200);
  EXPECT_EQ(with_key(Method::get, "/metrics", "").status, 401);
  fill_shop(6);
  const Told ready = get("/health/ready");
  EXPECT_EQ(ready.status, 200);
  EXPECT_EQ(ready.at("/ready"), true);
  EXPECT_EQ(ready.text("/journal"), "24");
  EXPECT_EQ(ready.text("/applied"), "24");
  EXPECT_GE(ready.at("/behind_seconds").to_number<double>(), 0);
  EXPECT_EQ(ready.text("/lost_rows"), "0");
  EXPECT_EQ(with_key(Method::get, "/health/ready", make_key(engine::KeyScope::read)).text("/items"),
            ready.text("/items"));
  // No key, no data: what a load balancer asks for, and nothing of the shop.
  for (const std::string& key :
       {std::string(), std::string("nonsense"), make_key(engine::KeyScope::write)}) {
    EXPECT_EQ(with_key(Method::get, "/health/ready", key).body,
              R"({"ready":true,"state":"ready"})");
  }
  Request request;
  request.route = "/v1/items/{id}";
  api_->observe(request, {.status = 200}, std::chrono::microseconds(1500));
  const Told metrics = get("/metrics");
  EXPECT_THAT(metrics.body, HasSubstr("\nattune_events_accepted_total 24\n"));
  EXPECT_THAT(metrics.body, HasSubstr("\nattune_lost_rows 0\n"));
  EXPECT_THAT(metrics.body, HasSubstr("\nattune_applier_behind_seconds 0\n"));
  const std::regex line(
      R"([a-z_]+(\{([a-z]+="[^"\\]*",?)+\})? [-+0-9.e]+|# (HELP|TYPE) [a-z_]+ .+)");
  std::istringstream lines(metrics.body);
  for (std::string text; std::getline(lines, text);)
    EXPECT_TRUE(std::regex_match(text, line)) << text;
}

// Two currencies and no setting: profiles cannot be summed, everything else goes on.
TEST_F(ShopDoors, KeepTheirSumsWhenSomebodySendsAnotherCurrency) {
  for (const char* currency : {"GBP", "EUR"}) {
    EXPECT_EQ(
        post("/v1/track", fmt::format(R"({{"userId":"a","event":"Order Completed","properties":
        {{"revenue":5,"currency":"{}"}}}})",
                                      currency))
            .status,
        200);
  }
  settle();
  EXPECT_EQ(get("/health/ready").status, 200);
  EXPECT_EQ(get("/v1/profiles/a").status, 200);
  EXPECT_THAT(get("/v1/profiles/a").body, HasSubstr("\"monetary_cents\":500,"));
  EXPECT_EQ(post("/v1/track", R"({"userId":"a","event":"Product Viewed"})").status, 200);
  settle();
  EXPECT_EQ(get("/health/ready").status, 200);
}

TEST_F(ShopDoors, TakeOnlyAKnownItemOffTheShelf) {
  const std::string journal = get("/health/ready").text("/journal");
  expect_problem(ask(Method::del, "/v1/items/nothing"), 404, "id");
  settle();
  EXPECT_EQ(get("/health/ready").text("/journal"), journal);
  expect_problem(get("/v1/items/nothing"), 404);
  ASSERT_EQ(ask(Method::put, "/v1/items/tea", R"({"name":"Tea"})").status, 200);
  EXPECT_EQ(ask(Method::del, "/v1/items/tea").status, 200) << "at once after it was stated";
}

// What was taken off the shelf comes back when it is stated again, but not by a patch.
TEST_F(ShopDoors, PutAnItemBackOnTheShelf) {
  const auto hidden = [&] {
    settle();
    const json::value item = get("/v1/items/tea").value();
    return item.as_object().contains("hidden") ? std::string(item.at("hidden").as_string()) : "";
  };
  ASSERT_EQ(ask(Method::put, "/v1/items/tea", R"({"name":"Tea"})").status, 200);
  EXPECT_EQ(hidden(), "");
  const auto take_off = [&] { EXPECT_EQ(ask(Method::del, "/v1/items/tea").status, 200); };
  take_off();
  EXPECT_EQ(hidden(), "true");
  EXPECT_EQ(ask(Method::patch, "/v1/items/tea", R"({"stock":3})").status, 200);
  EXPECT_EQ(hidden(), "true");
  EXPECT_EQ(ask(Method::put, "/v1/items/tea", R"({"stock":4})").status, 200);
  EXPECT_EQ(hidden(), "");
  take_off();
  EXPECT_EQ(post("/v1/items", R"({"items":[{"id":"tea","stock":5}]})").status, 200);
  EXPECT_EQ(hidden(), "");
  EXPECT_EQ(ask(Method::put, "/v1/items/tea", R"({"hidden":true})").status, 200);
  EXPECT_EQ(hidden(), "true") << "its own word counts";
  expect_problem(ask(Method::patch, "/v1/items/tea", R"({"stock":null})"), 400, "stock");
  expect_problem(ask(Method::patch, "/v1/customers/ann", R"({"city":null})"), 400, "city");
}

TEST_F(ShopDoors, TellOfOneJob) {
  fill_shop(6);
  const Told begun = post("/v1/jobs", R"({"names":["popularity"]})");
  ASSERT_EQ(begun.status, 202) << begun.body;
  const std::string door = "/v1/jobs/" + begun.text("/number");
  while (get(door).text("/state") == "running")
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(get(door).text("/state"), "done") << get(door).body;
  expect_problem(get("/v1/jobs/77"), 404, "number");
  expect_problem(get("/v1/jobs/one"), 400, "number");
}

TEST_F(ShopDoors, KeepHowOftenTheServiceTrains) {
  EXPECT_EQ(get("/v1/schedule").text("/train_every_seconds"), "0") << "as this test starts it";
  const Told set = ask(Method::put, "/v1/schedule", R"({"train_every_seconds":1800})");
  EXPECT_EQ(set.status, 200) << set.body;
  EXPECT_EQ(get("/v1/schedule").text("/train_every_seconds"), "1800");
  for (const char* wrong : {"{}", R"({"train_every_seconds":-1})", R"({"train_every_seconds":1.5})",
                            R"({"train_every_seconds":2678401})"}) {
    expect_problem(ask(Method::put, "/v1/schedule", wrong), 400, "train_every_seconds");
  }
  EXPECT_EQ(with_key(Method::put, "/v1/schedule", make_key(engine::KeyScope::read),
                     R"({"train_every_seconds":60})")
                .status,
            403);
  end();
  auto started = engine::Service::start(root_ / "shop", {});
  ASSERT_TRUE(started);
  EXPECT_EQ((*started)->train_every(), std::chrono::seconds(1800));
}

TEST_F(ShopDoors, RefuseATrainingThatCannotBeMeant) {
  fill_shop(3);
  const Told name = post("/v1/jobs", R"({"names":["ials","item_kn"]})");
  expect_problem(name, 400, "names");
  EXPECT_THAT(name.text("/detail"), HasSubstr("'item_knn'"));
  const Told scope = post("/v1/jobs", R"({"names":["ials"],"set":["item_knn.k=3"]})");
  expect_problem(scope, 400, "set");
  const Told parameter = post("/v1/jobs", R"({"names":["ials"],"set":["ials.factor=3"]})");
  expect_problem(parameter, 400, "set");
  EXPECT_THAT(parameter.text("/detail"), HasSubstr("factors"));
  expect_problem(post("/v1/jobs", R"({"set":["ials.factors=nan"]})"), 400, "set");
  expect_problem(post("/v1/jobs", R"({"set":["weights.view=-1"]})"), 400, "set");
  EXPECT_EQ(get("/v1/jobs").text("/jobs"), "[]");
}

TEST_F(ShopDoors, TellWhoACustomerIs) {
  ASSERT_EQ(post("/v1/identify", R"({"userId":"ann","traits":{"city":"Leeds","age":40}})").status,
            200);
  ASSERT_EQ(post("/v1/track", R"({"anonymousId":"device","event":"Product Viewed",
      "properties":{"product_id":"tea"}})")
                .status,
            200);
  settle();
  const Told ann = get("/v1/profiles/ann");
  ASSERT_EQ(ann.status, 200) << ann.body;
  EXPECT_EQ(ann.text("/id"), "ann");
  EXPECT_EQ(ann.text("/traits/city"), "Leeds");
  EXPECT_EQ(ann.text("/traits/age"), "40");
  EXPECT_EQ(ann.text("/frequency"), "0");
  const Told device = get("/v1/profiles/device");
  EXPECT_EQ(device.text("/id"), "device");
  EXPECT_EQ(device.text("/traits"), "{}");
  // Traits are told here alone, and not to who may only send events.
  EXPECT_EQ(with_key(Method::get, "/v1/profiles/ann", make_key(engine::KeyScope::write)).status,
            403);
  EXPECT_EQ(with_key(Method::get, "/v1/profiles/ann", make_key(engine::KeyScope::read)).status,
            200);
}

TEST_F(ShopDoors, AnswerAMethodThatNoDoorHas) {
  const Told known = ask(Method::other, "/v1/items/tea");
  expect_problem(known, 405);
  EXPECT_EQ(known.header("Allow"), "GET, HEAD, PUT, PATCH, DELETE, OPTIONS");
  expect_problem(ask(Method::other, "/v1/nothing"), 404);
  EXPECT_EQ(ask(Method::options, "/v1/items/tea").status, 204);
}

TEST_F(ShopDoors, TellInTheDocumentWhichFaultsThereAre) {
  const json::value document = json::parse(api_->openapi());
  const auto answers = [&](const char* path, const char* method) {
    return document.at("paths").at(path).at(method).at("responses").as_object();
  };
  for (const char* status : {"200", "400", "401", "403", "404", "405", "408", "409", "413", "414",
                             "415", "429", "431", "503", "507"}) {
    EXPECT_TRUE(answers("/v1/track", "post").contains(status)) << status;
    EXPECT_TRUE(answers("/v1/items/{id}", "delete").contains(status)) << status;
  }
  for (const char* status : {"405", "413", "414", "415", "431", "503"})
    EXPECT_TRUE(answers("/health/live", "get").contains(status)) << status;
  EXPECT_FALSE(answers("/health/live", "get").contains("401"));
  // Every reference leads somewhere.
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object()) {
      for (const auto& answer : operation.value().at("responses").as_object()) {
        const json::value* reference = answer.value().as_object().if_contains("$ref");
        if (reference == nullptr) continue;
        const std::string_view pointer(reference->as_string());
        boost::system::error_code failure;
        EXPECT_NE(document.find_pointer(pointer.substr(1), failure), nullptr) << pointer;
      }
    }
  }
}

TEST_F(ShopDoors, AreThoseOfTheOpenApiDocument) {
  ApiContext context(*service_, {});
  add_doors(context);
  std::set<std::string> routes;
  for (const auto& [method, path] : context.router.routes()) {
    // Other names of doors that are in the document.
    if (path.starts_with("/api/public/apps/") || (path.starts_with("/v1/") && path.size() == 5))
      continue;
    routes.insert(ascii_lower(name(method)) + " " + path);
  }
  routes.insert("get /openapi.json");
  std::set<std::string> told;
  const json::value document = json::parse(api_->openapi());
  EXPECT_EQ(document.at("openapi").as_string(), "3.1.0");
  for (const auto& path : document.at("paths").as_object()) {
    for (const auto& operation : path.value().as_object())
      told.insert(std::string(operation.key()) + " " + std::string(path.key()));
  }
  EXPECT_EQ(told, routes);
  EXPECT_EQ(get("/openapi.json").body, api_->openapi());
}

}  // namespace
}  // namespace attune::http
