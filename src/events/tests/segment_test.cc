#include "attune/events/segment.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

#include "attune/base/hash.h"
#include "segment_reading.h"

namespace attune::events {
namespace {

using Texts = std::map<std::string, std::string>;

TEST(SegmentReader, TakesAnOffersDecisionAsAListsDecision) {
  const auto decision = [](std::string_view properties) {
    SegmentBench bench;
    return std::string(
        bench
            .read(
                SegmentCall::track,
                fmt::format(R"({{"userId":"u","event":"impression","properties":{}}})", properties))
            .event()
            .decision);
  };
  EXPECT_EQ(decision(R"({"offer_id":"d1"})"), "d1");
  EXPECT_EQ(decision(R"({"offer_id":"d1","recommendation_id":"r1"})"), "r1");
  EXPECT_EQ(decision("{}"), "");
}

TEST(SegmentReader, ReadsATrackCall) {
  SegmentBench bench;
  const std::string_view properties =
      R"({"product_id":"p-1","name":"Cotton shirt","category":"Shirts","brand":"Acme",)"
      R"("variant":"blue","price":19.99,"quantity":2,"currency":"gbp","recommendation_id":"r7"})";
  const Event& event =
      bench
          .read(SegmentCall::track,
                fmt::format(R"({{"anonymousId":"a","userId":"u","messageId":"m1","event":)"
                            R"("Product Added","timestamp":"2026-11-22T05:09:00.250Z",)"
                            R"("properties":{},"writeKey":"k","integrations":{{"All":true}}}})",
                            properties))
          .event();
  EXPECT_EQ(event.type, EventType::cart_add);
  EXPECT_EQ(format_iso(event.time), "2026-11-22T05:09:00.250000Z");
  EXPECT_EQ(event.offset_minutes, 0);
  EXPECT_EQ(event.event_id, "m1");
  EXPECT_EQ(event.customer, "u");
  EXPECT_EQ(event.anonymous, "a");
  EXPECT_EQ(event.item, "p-1");
  EXPECT_EQ(event.source, "segment");
  EXPECT_EQ(event.channel, "");
  EXPECT_EQ(event.price_minor, 1999);
  EXPECT_EQ(event.quantity, 2);
  EXPECT_FALSE(event.value_minor);
  EXPECT_EQ(event.currency.to_string(), "GBP");
  EXPECT_EQ(event.properties, properties);
  EXPECT_EQ(event.marks, 0u);
  EXPECT_EQ(texts(event.item_attributes), (Texts{{"name", "Cotton shirt"},
                                                 {"category", "Shirts"},
                                                 {"brand", "Acme"},
                                                 {"variant", "blue"}}));
  EXPECT_EQ(bench.out.messages, 1u);
  EXPECT_EQ(bench.out.write_key, "k");
}

TEST(SegmentReader, ReadsTraitsOfIdentifyAsFlatTexts) {
  SegmentBench bench;
  const Event& event =
      bench
          .read(
              SegmentCall::identify,
              R"({"userId":97980,"anonymousId":"a","messageId":"m","traits":{"email":"x@y.example",
                "age":31,"vip":true,"left":null,"address":{"city":"  Köln ","geo":{"lat":50.9}},
                "tags":["a","b"]," \u0007pl  an":"x","na\u006de":"J\u00f6rg \"J\" \ud83d\ude00"}})")
          .event();
  EXPECT_EQ(event.type, EventType::identify);
  EXPECT_EQ(event.customer, "97980");
  EXPECT_EQ(event.anonymous, "a");
  EXPECT_EQ(texts(event.customer_attributes), (Texts{{"email", "x@y.example"},
                                                     {"age", "31"},
                                                     {"vip", "true"},
                                                     {"address.city", "Köln"},
                                                     {"address.geo.lat", "50.9"},
                                                     {"tags", R"(["a","b"])"},
                                                     {"pl an", "x"},
                                                     {"name", "Jörg \"J\" 😀"}}));
  EXPECT_EQ(event.marks, bit(Mark::text_normalised));
  EXPECT_EQ(texts(bench
                      .read(SegmentCall::identify,
                            R"({"userId":"u","context":{"traits":{"city":"Lyon"}}})")
                      .event()
                      .customer_attributes),
            (Texts{{"city", "Lyon"}}));
}

TEST(SegmentReader, ReadsGroupAndAlias) {
  SegmentBench bench;
  const Event& group =
      bench.read(SegmentCall::group, R"({"userId":"u","groupId":"g1","traits":{"plan":"gold"}})")
          .event();
  EXPECT_EQ(group.type, EventType::identify);
  EXPECT_EQ(texts(group.customer_attributes), (Texts{{"group_id", "g1"}, {"group.plan", "gold"}}));
  const Event& alias =
      bench.read(SegmentCall::alias, R"({"previousId":"old","userId":"new"})").event();
  EXPECT_EQ(alias.type, EventType::alias);
  EXPECT_EQ(alias.customer, "new");
  EXPECT_EQ(alias.anonymous, "old");
  EXPECT_EQ(bench.read(SegmentCall::alias, R"({"userId":"new"})").problem(),
            "missing_id previousId");
  EXPECT_EQ(bench.read(SegmentCall::alias, R"({"previousId":"new"})").problem(),
            "missing_id userId");
  EXPECT_EQ(bench.read(SegmentCall::group, R"({"userId":"u"})").problem(), "missing_id groupId");
}

TEST(SegmentReader, ReadsPagesAndScreens) {
  SegmentBench bench;
  const Event& page =
      bench
          .read(SegmentCall::page, R"({"anonymousId":"a","name":"Home","properties":{"title":"Hi",
            "product_id":"p","name":"Shirt"},"context":{"library":{"name":"analytics.js"},
            "sessionId":1795324200,"page":{"url":"https://shop.example/p"}}})")
          .event();
  EXPECT_EQ(page.type, EventType::view);
  EXPECT_EQ(page.item, "p");
  EXPECT_EQ(page.url, "https://shop.example/p");
  EXPECT_EQ(page.session, "1795324200");
  EXPECT_EQ(page.channel, "web");
  EXPECT_TRUE(page.item_attributes.empty());
  const Event& screen =
      bench.read(SegmentCall::screen, R"({"userId":"u","name":"Start","category":"Main"})").event();
  EXPECT_EQ(screen.type, EventType::view);
  EXPECT_EQ(screen.item, "");
  EXPECT_EQ(screen.channel, "app");
  EXPECT_EQ(screen.properties, R"({"name":"Start","category":"Main"})");
  EXPECT_EQ(bench
                .read(SegmentCall::page,
                      R"({"userId":"u","name":"Start","properties":{ "url":"https://x.example/"}})")
                .event()
                .properties,
            R"({"name":"Start", "url":"https://x.example/"})");
  EXPECT_EQ(bench.event().url, "https://x.example/");
}

struct Named {
  std::string_view name;
  std::string_view type;
};

class SegmentNames : public testing::TestWithParam<Named> {};

TEST_P(SegmentNames, MeanTypes) {
  SegmentBench bench;
  EXPECT_EQ(name(bench.track(GetParam().name).event().type), GetParam().type);
}

INSTANTIATE_TEST_SUITE_P(All, SegmentNames,
                         testing::ValuesIn(std::to_array<Named>({
                             {"Products Searched", "search"},
                             {"Product List Viewed", "list_view"},
                             {"Product List Filtered", "list_view"},
                             {"Promotion Viewed", "impression"},
                             {"Promotion Clicked", "click"},
                             {"Product Clicked", "click"},
                             {"Product Viewed", "view"},
                             {"Product Added", "cart_add"},
                             {"Product Removed", "cart_remove"},
                             {"Cart Viewed", "list_view"},
                             {"Checkout Started", "checkout"},
                             {"Checkout Step Viewed", "checkout"},
                             {"Checkout Step Completed", "checkout"},
                             {"Payment Info Entered", "checkout"},
                             {"Order Completed", "purchase"},
                             {"Order Refunded", "refund"},
                             {"Order Cancelled", "refund"},
                             {"Coupon Applied", "coupon_redeemed"},
                             {"Product Added to Wishlist", "wishlist"},
                             {"Wishlist Product Added to Cart", "cart_add"},
                             {"Product Shared", "share"},
                             {"Cart Shared", "share"},
                             {"Product Reviewed", "review"},
                             {"Signed Up", "signup"},
                             {"Email Opened", "message_opened"},
                             {"Email Link Clicked", "message_clicked"},
                             {"Email Delivered", "message_delivered"},
                             {"Email Bounced", "message_bounced"},
                             {"Email Marked as Spam", "message_complained"},
                             {"Unsubscribed", "unsubscribe"},
                             {"view_item", "view"},
                             {"view_item_list", "list_view"},
                             {"select_item", "click"},
                             {"view_promotion", "impression"},
                             {"select_promotion", "click"},
                             {"add_to_cart", "cart_add"},
                             {"remove_from_cart", "cart_remove"},
                             {"add_to_wishlist", "wishlist"},
                             {"begin_checkout", "checkout"},
                             {"purchase", "purchase"},
                             {"refund", "refund"},
                             {"search", "search"},
                             {"view_search_results", "search"},
                             {"sign_up", "signup"},
                             {"consent_given", "consent_given"},
                             {"impression", "impression"},
                             {"coupon_redeemed", "coupon_redeemed"},
                             {"ORDER completed", "purchase"},
                             {" order-completed ", "purchase"},
                             {"Consent Withdrawn", "consent_withdrawn"},
                             {"购买", "purchase"},
                         })));

TEST(SegmentReader, KnowsEveryTypeOfAttune) {
  SegmentBench bench;
  for (const std::string& type : event_type_names())
    EXPECT_EQ(name(bench.track(type).event().type), type);
}

// Of a page: what only the shop can know is none of its business, whoever it names.
TEST(SegmentReader, LetsAPageTellWhatAVisitorDoes) {
  const std::set<std::string> reserved{
      "item_changed",    "customer_changed",   "decision",      "assignment",    "message_sent",
      "message_bounced", "message_complained", "coupon_issued", "points_earned", "points_spent",
      "coupon_expired",  "message_delivered",  "risk_flag"};
  SegmentBench bench;
  const auto tell = [&](const std::string& type, std::string_view who, SegmentSpeaker speaker) {
    const std::string message = fmt::format(R"({{{},"event":"{}","properties":{{
        "product_id":"p","recommendation_id":"r","purpose":"ads"}}}})",
                                            who, type);
    ASSERT_TRUE(bench.reader.read(SegmentCall::track, message, kReceived, bench.out, speaker));
  };
  for (const std::string& type : event_type_names()) {
    for (const char* who :
         {R"("userId":"u")", R"("anonymousId":"a")", R"("userId":"u","anonymousId":"a")"}) {
      const bool named = std::string_view(who).starts_with(R"("userId")");
      const bool consent = type == "consent_given" && named;
      tell(type, who, SegmentSpeaker::page);
      if (reserved.contains(type) || consent) {
        EXPECT_EQ(bench.problem(), consent ? "reserved_type userId" : "reserved_type event")
            << type << who;
      } else {
        EXPECT_EQ(name(bench.event().type), type) << who;
      }
      tell(type, who, SegmentSpeaker::shop);
      EXPECT_EQ(name(bench.event().type), type) << who;
    }
  }
  tell("Email Marked as Spam", R"("userId":"u")", SegmentSpeaker::page);
  EXPECT_EQ(bench.problem(), "reserved_type event") << "under the name of another list, too";
}

TEST(SegmentReader, LetsOnlyTheShopMakeOneCustomerOfTwo) {
  SegmentOptions options;
  options.is_customer = [](std::string_view id) { return id == "ann"; };
  SegmentReader reader(options);
  SegmentBatch out;
  const auto problems = [&](const char* previous, SegmentSpeaker speaker) {
    const std::string message = fmt::format(R"({{"userId":"eve","previousId":"{}"}})", previous);
    EXPECT_TRUE(reader.read(SegmentCall::alias, message, kReceived, out, speaker));
    return out.problems.size();
  };
  EXPECT_EQ(problems("dev", SegmentSpeaker::page), 0u);
  EXPECT_TRUE(out.events[0].marks & bit(Mark::said_by_page));
  EXPECT_EQ(problems("dev", SegmentSpeaker::shop), 0u);
  EXPECT_FALSE(out.events[0].marks & bit(Mark::said_by_page));
  EXPECT_EQ(problems("ann", SegmentSpeaker::shop), 0u);
  ASSERT_EQ(problems("ann", SegmentSpeaker::page), 1u);
  EXPECT_EQ(out.problems[0].reason, "reserved_type");
  EXPECT_EQ(out.problems[0].field, "previousId");
}

TEST(SegmentReader, RefusesATypeThatIsNotTheDoors) {
  SegmentBench bench;
  EXPECT_EQ(bench.read(SegmentCall::identify, R"({"userId":"u","type":"track"})").problem(),
            "unknown_type type");
  EXPECT_EQ(bench.read(SegmentCall::identify, R"({"userId":"u","type":"junk"})").problem(),
            "unknown_type type");
  EXPECT_EQ(bench.read(SegmentCall::identify, R"({"userId":"u","type":"identify"})").event().type,
            EventType::identify);
}

TEST(SegmentReader, MakesOneOrderOfTheLinesOfAMessageWithoutAnOrderId) {
  SegmentBench bench;
  bench.read(SegmentCall::track,
             R"({"userId":"u","messageId":"m1","event":"Order Completed","properties":{
                 "products":[{"product_id":"p1","price":1},{"product_id":"p2","price":2}]}})");
  ASSERT_EQ(bench.out.events.size(), 2u);
  EXPECT_EQ(bench.out.events[0].order, "m1");
  EXPECT_EQ(bench.out.events[1].order, "m1");
}

// What needs an address is not for a page to allow: its visitor may have named anybody.
TEST(SegmentReader, LetsAPageTellConsentsOfTheBrowserAlone) {
  SegmentBench bench;
  const auto problem = [&](std::string_view purpose, SegmentSpeaker speaker) {
    const std::string message = fmt::format(
        R"({{"anonymousId":"a","event":"consent_given","properties":{{"purpose":{}}}}})", purpose);
    EXPECT_TRUE(bench.reader.read(SegmentCall::track, message, kReceived, bench.out, speaker));
    return bench.out.problems.empty() ? "" : bench.problem();
  };
  for (const char* allowed :
       {R"("ads")", R"(" Personalisation ")", R"(["analytics","ads"])", "null", "[]"}) {
    EXPECT_EQ(problem(allowed, SegmentSpeaker::page), "") << allowed;
  }
  for (const char* refused : {R"("email")", R"("\u0065mail")", R"(["ads","sms"])", R"("push")",
                              R"("sharing")", "7", "{}", R"([["email"]])"}) {
    EXPECT_EQ(problem(refused, SegmentSpeaker::page), "reserved_type properties.purpose")
        << refused;
    EXPECT_EQ(problem(refused, SegmentSpeaker::shop), "") << refused;
  }
}

TEST(SegmentReader, TellsUnknownNamesFromThoseItLeavesOut) {
  SegmentBench bench;
  EXPECT_EQ(bench.track("Purchased thing").problem(), "unknown_type event");
  EXPECT_EQ(bench.out.problems[0].message,
            "event: 'Purchased thing' is no event that Attune knows; map the name to a type");
  EXPECT_EQ(bench.track("purchasee").problem(), "unknown_type event");
  EXPECT_NE(bench.out.problems[0].message.find("did you mean 'purchase'?"), std::string::npos);
  EXPECT_EQ(bench.track("Order Updated").problem(), "ignored_type event");
  EXPECT_EQ(bench.out.problems[0].ignored, "order updated");
  EXPECT_EQ(bench.track("Order_updated").problem(), "ignored_type event");
  EXPECT_EQ(bench.out.problems[0].ignored, "order updated");
  EXPECT_EQ(bench.track("add_payment_info").problem(), "ignored_type event");
  EXPECT_EQ(bench.track("").problem(), "missing_type event");
  EXPECT_EQ(bench.track(std::string(5000, 'x')).problem(), "unknown_type event");
}

TEST(SegmentReader, MakesOnePurchaseForEachProduct) {
  SegmentBench bench;
  bench.track("Order Completed",
              R"({"order_id":"o9","total":99,"currency":"JPY","coupon":"C", "products": [
            {"product_id":"p1","price":100,"quantity":2,"name":"Tea"},
            {"sku":"p2","price":"50.4"}, {"id":3,"quantity":1}], "recommendation_id":"r"})");
  ASSERT_EQ(bench.out.events.size(), 3u);
  const auto& events = bench.out.events;
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(events[i].type, EventType::purchase);
    EXPECT_EQ(events[i].event_id, fmt::format("m#{}", i));
    EXPECT_EQ(events[i].order, "o9");
    EXPECT_EQ(events[i].currency.to_string(), "JPY");
  }
  EXPECT_EQ(events[0].item, "p1");
  EXPECT_EQ(events[0].price_minor, 100);
  EXPECT_EQ(events[0].value_minor, 200);
  EXPECT_EQ(events[1].item, "p2");
  EXPECT_EQ(events[1].value_minor, 50);
  EXPECT_EQ(events[2].item, "3");
  EXPECT_FALSE(events[2].value_minor);
  EXPECT_EQ(events[1].properties,
            R"({"order_id":"o9","total":99,"currency":"JPY","coupon":"C", "products": )"
            R"([{"sku":"p2","price":"50.4"}], "recommendation_id":"r"})");
}

TEST(SegmentReader, ReadsGa4PurchasesAndRefunds) {
  SegmentBench bench;
  bench.track("purchase", R"({"transaction_id":"T1","value":30.03,"currency":"USD","items":[
      {"item_id":"S1","item_name":"Tee","item_brand":"G","item_category":"A","item_variant":"g",
       "price":10.01,"quantity":3},{"item_id":"S2","price":1,"currency":"KWD"}]})");
  ASSERT_EQ(bench.out.events.size(), 2u);
  EXPECT_EQ(bench.out.events[0].order, "T1");
  EXPECT_EQ(bench.out.events[0].value_minor, 3003);
  EXPECT_EQ(texts(bench.out.events[0].item_attributes),
            (Texts{{"name", "Tee"}, {"brand", "G"}, {"category", "A"}, {"variant", "g"}}));
  EXPECT_EQ(bench.out.events[1].value_minor, 1000);
  EXPECT_EQ(bench.out.events[1].currency.to_string(), "KWD");
  const Event& whole = bench.track("refund", R"({"transaction_id":"T1","value":-30.03})").event();
  EXPECT_EQ(whole.type, EventType::refund);
  EXPECT_EQ(whole.value_minor, 3003);
  EXPECT_EQ(whole.item, "");
  EXPECT_EQ(whole.event_id, "m");
}

TEST(SegmentReader, NumbersEventsOnlyWhereThereAreSeveral) {
  SegmentBench bench;
  EXPECT_EQ(bench.track("Order Completed", R"({"products":[{"id":"p"}]})").event().event_id, "m");
  EXPECT_EQ(bench.track("Order Completed", R"({"total":5,"products":[]})").event().value_minor,
            500);
  EXPECT_EQ(bench.track("Products Searched", R"({"query":"tea","products":[{"id":1},{"id":2}]})")
                .event()
                .text,
            "tea");
  EXPECT_EQ(bench.track("view", R"({"items":3})").event().event_id, "m");
  bench.read(SegmentCall::track,
             R"({"userId":"u","event":"refund","properties":{"products":[{"id":1},{"id":2}]}})");
  ASSERT_EQ(bench.out.events.size(), 2u);
  EXPECT_EQ(bench.out.events[1].event_id, "");
}

TEST(SegmentReader, PrefersRevenueThenTotalThenValue) {
  SegmentBench bench;
  EXPECT_EQ(bench.track("purchase", R"({"value":1,"total":2,"revenue":3})").event().value_minor,
            300);
  EXPECT_EQ(bench.track("purchase", R"({"value":1,"total":2,"revenue":null})").event().value_minor,
            200);
  EXPECT_EQ(bench.track("purchase", R"({"value":1,"total":""})").event().value_minor, 100);
  EXPECT_EQ(bench.track("purchase", R"({"price":2,"quantity":4})").event().value_minor, 800);
  EXPECT_EQ(bench.track("view", R"({"price":2,"quantity":4})").event().value_minor, std::nullopt);
}

TEST(SegmentReader, TurnsPurchasesBelowZeroIntoRefunds) {
  SegmentBench bench;
  const Event& event =
      bench.track("Order Completed", R"({"products":[{"id":"p","price":5,"quantity":-2}]})")
          .event();
  EXPECT_EQ(event.type, EventType::refund);
  EXPECT_EQ(event.quantity, 2);
  EXPECT_EQ(event.value_minor, 1000);
  EXPECT_EQ(event.marks, bit(Mark::cancelled));
  EXPECT_EQ(bench.track("purchase", R"({"value":-3})").event().type, EventType::refund);
}

TEST(SegmentReader, ReadsReviewsAndDurations) {
  SegmentBench bench;
  const Event& event =
      bench
          .track("Product Reviewed", R"({"product_id":"p","rating":4.5,"review_body":" good\n",)"
                                     R"("duration_ms":1500.4,"session_id":"s"})")
          .event();
  EXPECT_EQ(event.rating, 4.5);
  EXPECT_EQ(event.text, "good");
  EXPECT_EQ(event.duration_ms, 1500);
  EXPECT_EQ(event.session, "s");
}

TEST(SegmentReader, TakesAnotherIdWhereTheFirstIsBlank) {
  SegmentBench bench;
  EXPECT_EQ(bench.track("purchase", R"({"items":[{"item_name":"Tea"}]})").event().item, "Tea");
  EXPECT_EQ(bench.track("view", R"({"product_id":" ","sku":null,"item_id":"i"})").event().item,
            "i");
  EXPECT_EQ(bench.track("Promotion Viewed", R"({"id":"promo"})").event().item, "");
  EXPECT_EQ(bench.track("view", R"({"id":"i"})").event().item, "i");
}

TEST(SegmentReader, KnowsTheChannelByMessageCallAndLibrary) {
  const auto library = [](std::string_view name) {
    return fmt::format(R"("context":{{"library":{{"name":"{}"}}}})", name);
  };
  SegmentBench bench;
  for (const auto& [more, channel] : std::vector<std::pair<std::string, std::string_view>>{
           {R"("channel":"email")", "email"},
           {R"("channel":"browser")", "web"},
           {R"("channel":"mobile")", "app"},
           {R"("channel":"server")", ""},
           {R"("channel":null)", ""},
           {library("analytics.js"), "web"},
           {library("RudderLabs JavaScript SDK"), "web"},
           {library("analytics-ios"), "app"},
           {library("com.rudderstack.android.sdk.core"), "app"},
           {library("@segment/analytics-node"), ""},
           {library("analytics-python"), ""}}) {
    EXPECT_EQ(
        bench.read(SegmentCall::track, fmt::format(R"({{"userId":"u","event":"view",{}}})", more))
            .event()
            .channel,
        channel)
        << more;
  }
}

TEST(SegmentReader, StoresNothingBetweenReads) {
  SegmentBench bench;
  bench.read(SegmentCall::batch,
             R"({"batch":[{"type":"track","event":"view","userId":"u"}],"context":{"sessionId":"s"},
             "sentAt":"2026-11-22T05:00:00Z","writeKey":"k"})");
  EXPECT_EQ(bench.event().session, "s");
  EXPECT_EQ(bench.track("view").event().session, "");
  EXPECT_EQ(bench.out.write_key, "");
  EXPECT_EQ(bench.event().time, kReceived);
}

TEST(SegmentReader, GivesEqualContentForEqualMessages) {
  SegmentBench a;
  SegmentBench b;
  const auto body = R"({"userId":"u","event":"view","timestamp":"2026-11-22T05:00:00Z"})";
  EXPECT_EQ(content_hash(a.read(SegmentCall::track, body).event()),
            content_hash(b.read(SegmentCall::track, body).event()));
}

}  // namespace
}  // namespace attune::events
