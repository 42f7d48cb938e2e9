#include <algorithm>

#include <gtest/gtest.h>

#include "attune/base/text.h"
#include "attune/events/reader.h"
#include "cells.h"
#include "reading.h"

namespace attune::events {
namespace {

constexpr std::string_view kOrders =
    "customer=customer,item=sku,time=time,order=order,quantity=n,price=price,item.name=name,"
    "customer.country=country,"
    "type=purchase,order.cancelled_prefix=C,quantity.negative=correction";
constexpr std::string_view kHeader = "order,sku,name,n,time,price,customer,country\n";

Rows<Event> orders(std::string_view lines) {
  return read_events(std::string(kHeader).append(lines), kOrders);
}

bool has(const Event& event, Mark mark) { return (event.marks & bit(mark)) != 0; }

TEST(EventReader, ReadsALineOfAnOrder) {
  const auto all = orders("536365,85123A, WHITE  HOLDER ,6,2010-07-01 08:26:00,2.55,17850.0,UK\n");
  ASSERT_EQ(all.rows.size(), 1u) << all.failure;
  const Event& event = all.rows[0];
  EXPECT_EQ(event.type, EventType::purchase);
  EXPECT_EQ(event.customer, "17850");
  EXPECT_EQ(event.item, "85123A");
  EXPECT_EQ(event.order, "536365");
  EXPECT_EQ(format_iso(event.time), "2010-07-01T07:26:00Z");
  EXPECT_EQ(event.quantity, 6);
  EXPECT_EQ(event.price_minor, 255);
  EXPECT_EQ(event.value_minor, 1530);
  EXPECT_EQ(event.currency.to_string(), "GBP");
  ASSERT_EQ(event.item_attributes.size(), 1u);
  EXPECT_EQ(event.item_attributes[0].name, "name");
  EXPECT_EQ(event.item_attributes[0].value, "WHITE HOLDER");
  EXPECT_EQ(event.customer_attributes[0].value, "UK");
  EXPECT_TRUE(has(event, Mark::text_normalised));
  EXPECT_TRUE(has(event, Mark::time_zone_assumed));
  ASSERT_EQ(all.assumptions.size(), 4u);
  EXPECT_EQ(all.assumptions[2].what, "time zone");
  EXPECT_EQ(all.assumptions[2].value, "Europe/London");
  EXPECT_EQ(all.assumptions[3].what, "customer ids");
}

TEST(EventReader, TurnsCancellationsAndCorrectionsIntoRefundsWithPositiveAmounts) {
  const auto all =
      orders("C1,a,x,-2,2010-12-01 08:26:00,2.50,u,UK\n2,a,x,-3,2010-12-01 08:26:00,0,,UK\n");
  ASSERT_EQ(all.rows.size(), 2u);
  EXPECT_EQ(all.rows[0].type, EventType::refund);
  EXPECT_EQ(all.rows[0].quantity, 2);
  EXPECT_EQ(all.rows[0].value_minor, 500);
  EXPECT_TRUE(has(all.rows[0], Mark::cancelled));
  EXPECT_EQ(all.rows[1].type, EventType::refund);
  EXPECT_EQ(all.rows[1].quantity, 3);
  EXPECT_FALSE(has(all.rows[1], Mark::cancelled));
  EXPECT_TRUE(has(all.rows[1], Mark::negative_quantity));
  EXPECT_TRUE(has(all.rows[1], Mark::zero_price));
  EXPECT_TRUE(has(all.rows[1], Mark::missing_customer));
}

TEST(EventReader, TreatsNegativeQuantitiesAsTheMappingSays) {
  const std::string text = "c,i,t,n,p\nu,a,2020-01-01,-2,3\n";
  const auto map = [](std::string_view rule) {
    return "customer=c,item=i,time=t,quantity=n,price=p,type=purchase,quantity.negative=" +
           std::string(rule);
  };
  EXPECT_EQ(read_events(text, map("cancels")).rows[0].type, EventType::refund);
  EXPECT_TRUE(has(read_events(text, map("cancels")).rows[0], Mark::cancelled));
  const auto kept = read_events(text, map("keep"));
  EXPECT_EQ(kept.rows[0].type, EventType::purchase);
  EXPECT_EQ(kept.rows[0].value_minor, -600);
}

TEST(EventReader, MarksOddPricesQuantitiesAndNames) {
  const auto all = orders(
      "1,a,,1,2010-12-01 08:26:00,0.0,u,UK\n1,a,x,1,2010-12-01 "
      "08:26:00,-5,u,UK\n1,a,x,0,2010-12-01 08:26:00,5,u,UK\n");
  EXPECT_TRUE(has(all.rows[0], Mark::zero_price));
  EXPECT_TRUE(has(all.rows[0], Mark::missing_description));
  EXPECT_TRUE(has(all.rows[1], Mark::negative_price));
  EXPECT_EQ(all.rows[1].price_minor, -500);
  EXPECT_TRUE(has(all.rows[2], Mark::zero_quantity));
}

TEST(EventReader, MultipliesPriceAndQuantityWithoutDrift) {
  const auto all =
      orders("1,a,x,3,2010-12-01 08:26:00,0.335,u,UK\n1,a,x,0.5,2010-12-01 08:26:00,0.01,u,UK\n");
  EXPECT_EQ(all.rows[0].value_minor, 101);  // 1.005 rounded away from zero, not 3 times 34
  EXPECT_EQ(all.rows[1].value_minor, 1);
}

TEST(EventReader, UsesTheMinorUnitsOfTheCurrency) {
  const auto all = read_events(
      "c,i,t,v,k\nu,a,2020-01-01,1200,JPY\nu,a,2020-01-01,1.234,kwd\nu,a,2020-01-01,5,\n",
      "customer=c,item=i,time=t,value=v,currency=k,type=purchase");
  EXPECT_EQ(all.rows[0].value_minor, 1200);
  EXPECT_EQ(all.rows[1].value_minor, 1234);
  EXPECT_EQ(all.rows[2].value_minor, 500);
  EXPECT_EQ(all.rows[2].currency.to_string(), "GBP");
}

TEST(EventReader, TakesWordsForNothingAsMissing) {
  const auto all = read_events("c,i,t\nNULL,a,2020-01-01\n\\N,b,2020-01-01\n  ,c,2020-01-01\n",
                               "customer=c,item=i,time=t,type=view");
  for (const Event& event : all.rows) EXPECT_TRUE(event.customer.empty());
  EXPECT_EQ(all.rows.size(), 3u);
}

TEST(EventReader, ReadsTypesInBothLanguagesAndIgnoresThoseItShall) {
  const auto all = read_events(
      "c,i,t,e\nu,a,2020-01-01,浏览\nu,a,2020-01-01,Add-To "
      "Cart\nu,a,2020-01-01,ping\nu,a,2020-01-01,dance\n",
      "customer=c,item=i,time=t,type=e,type[ping]=ignore");
  ASSERT_EQ(all.rows.size(), 2u);
  EXPECT_EQ(all.rows[0].type, EventType::view);
  EXPECT_EQ(all.rows[1].type, EventType::cart_add);
  EXPECT_EQ(all.ignored, 1);
  ASSERT_EQ(all.refused.size(), 1u);
  EXPECT_EQ(all.refused[0].reason, "unknown_type");
  EXPECT_EQ(all.rows_read, 4);
}

TEST(EventReader, SplitsTakesTheRestAndWritesProperties) {
  const auto all = read_events(
      "c,i,t,tags,x,y\nu,a,2020-01-01,\"p|q \",1,\"say \"\"hi\"\"\"\n",
      "customer=c,item=i,time=t,type=view,item.tag=tags,item.tag[split]='|',properties.*=*");
  ASSERT_EQ(all.rows.size(), 1u) << all.failure;
  ASSERT_EQ(all.rows[0].item_attributes.size(), 2u);
  EXPECT_EQ(all.rows[0].item_attributes[1].value, "q");
  EXPECT_EQ(all.rows[0].properties, R"({"x":"1","y":"say \"hi\""})");
}

TEST(EventReader, ReadsSegmentOrdersLineByLine) {
  Mapping mapping =
      Preset::load(std::filesystem::is_directory("presets") ? "presets" : *find_presets(),
                   "segment")
          ->mapping(Kind::events, {})
          .value();
  const auto all = read_rows<Event>(
      R"({"type":"track","event":"Order Completed","userId":"u1","messageId":"m1","timestamp":"2024-05-01T08:30:00+08:00","properties":{"order_id":"o1","revenue":35,"currency":"CNY","products":[{"product_id":"p1","price":10,"quantity":2},{"product_id":"p2","price":15}]}}
{"type":"track","event":"Order Completed","userId":"u1","messageId":"m2","timestamp":"2024-05-01T08:30:00Z","properties":{"order_id":"o2","revenue":35}}
{"type":"identify","userId":"u1","anonymousId":"d1","timestamp":"2024-05-01T08:30:00Z","traits":{"city":"上海"}}
{"type":"alias","userId":"u1","previousId":"d2","timestamp":"2024-05-01T08:30:00Z"}
{"type":"group","userId":"u1","timestamp":"2024-05-01T08:30:00Z"}
{"type":"track","event":"Danced","userId":"u1","timestamp":"2024-05-01T08:30:00Z"}
)",
      mapping, london_shop(), "segment.jsonl");
  ASSERT_EQ(all.rows.size(), 5u) << all.failure;
  EXPECT_EQ(all.rows[0].event_id, "m1#0");
  EXPECT_EQ(all.rows[0].value_minor, 2000);
  EXPECT_EQ(all.rows[0].offset_minutes, 480);
  EXPECT_EQ(all.rows[1].event_id, "m1#1");
  EXPECT_EQ(all.rows[1].value_minor, 1500);
  EXPECT_EQ(all.rows[1].order, "o1");
  EXPECT_EQ(all.rows[2].value_minor, 3500);
  EXPECT_EQ(all.rows[2].event_id, "m2");
  EXPECT_EQ(all.rows[3].type, EventType::identify);
  EXPECT_EQ(all.rows[3].anonymous, "d1");
  EXPECT_EQ(all.rows[3].customer_attributes[0].name, "city");
  EXPECT_EQ(all.rows[4].type, EventType::alias);
  EXPECT_EQ(all.rows[4].anonymous, "d2");
  EXPECT_EQ(all.ignored, 1);
  EXPECT_EQ(all.refused.size(), 1u);
}

TEST(EventReader, ReadsGoogleAnalyticsRows) {
  Mapping mapping =
      Preset::load(std::filesystem::is_directory("presets") ? "presets" : *find_presets(), "ga4")
          ->mapping(Kind::events, {})
          .value();
  const auto all = read_rows<Event>(
      R"({"event_timestamp":"1612069510766593","event_name":"page_view","event_params":[{"key":"page_location","value":{"string_value":"https://x/y","int_value":null}},{"key":"ga_session_id","value":{"string_value":null,"int_value":"77"}}],"user_pseudo_id":"d.1","items":[]}
{"event_timestamp":"1612069510766594","event_name":"purchase","user_pseudo_id":"d.1","user_id":"u1","ecommerce":{"transaction_id":"T1","purchase_revenue":30.0},"items":[{"item_id":"A","item_name":"Mug","price":10.0,"quantity":3}]}
)",
      mapping, london_shop(), "ga4.jsonl");
  ASSERT_EQ(all.rows.size(), 2u) << all.failure;
  EXPECT_EQ(all.rows[0].url, "https://x/y");
  EXPECT_EQ(all.rows[0].session, "77");
  EXPECT_EQ(all.rows[0].anonymous, "d.1");
  EXPECT_EQ(format_iso(all.rows[0].time), "2021-01-31T05:05:10.766593Z");
  EXPECT_EQ(all.rows[1].item, "A");
  EXPECT_EQ(all.rows[1].value_minor, 3000);
  EXPECT_EQ(all.rows[1].order, "T1");
}

TEST(ItemReader, ReadsItemsAsOfAMoment) {
  auto mapping = parse_mapping(Kind::items,
                               "id=sku,name=title,category=genres,category[split]='|',price=p,"
                               "stock=s,time=from,item.colour=c")
                     .value();
  const auto all = read_rows<ItemRow>(
      "sku,title,genres,p,s,from,c\n1,Mug,Home|Kitchen,\"1,234.50\",7,2024-05-01,red\n,x,y,1,1,,\n",
      mapping);
  ASSERT_EQ(all.rows.size(), 1u) << all.failure;
  EXPECT_EQ(all.rows[0].name, "Mug");
  EXPECT_EQ(all.rows[0].category, "Home");
  EXPECT_EQ(all.rows[0].price_minor, 123450);
  EXPECT_EQ(all.rows[0].stock, 7);
  ASSERT_TRUE(all.rows[0].valid_from.has_value());
  ASSERT_EQ(all.rows[0].attributes.size(), 3u);
  EXPECT_EQ(all.rows[0].attributes[1].value, "Kitchen");
  EXPECT_EQ(all.refused[0].reason, "missing_id");
}

TEST(ItemReader, KeepsAMarkBehindABackslashInTheValue) {
  auto mapping = parse_mapping(Kind::items, "id=sku,item.tag=tags,item.tag[split]='|'").value();
  const auto all = read_rows<ItemRow>("sku,tags\n1,a\\|b|c\\\\|d\\e|\\\n", mapping);
  ASSERT_EQ(all.rows.size(), 1u) << all.failure;
  std::vector<std::string> tags;
  for (const Attribute& attribute : all.rows[0].attributes) tags.emplace_back(attribute.value);
  EXPECT_EQ(tags, (std::vector<std::string>{"a|b", "c\\", "d\\e", "\\"}));
}

TEST(ItemReader, ReadsGenresFromTheFlagsOfMovieLens) {
  const auto preset = Preset::load(
      std::filesystem::is_directory("presets") ? "presets" : *find_presets(), "movielens");
  ASSERT_TRUE(preset);
  std::vector<std::string> columns;
  for (int i = 1; i <= 24; ++i) columns.push_back("column_" + std::to_string(i));
  const auto all = read_rows<ItemRow>(
      "1|Toy Story (1995)|01-Jan-1995||http://a|0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
      "2|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n",
      preset->mapping(Kind::items, columns).value());
  ASSERT_EQ(all.rows.size(), 2u) << all.failure;
  std::vector<std::string> categories;
  for (const Attribute& attribute : all.rows[0].attributes) {
    if (attribute.name == "category") categories.emplace_back(attribute.value);
  }
  std::ranges::sort(categories);
  EXPECT_EQ(categories, (std::vector<std::string>{"Animation", "Children's", "Comedy"}));
  EXPECT_TRUE(all.rows[1].attributes.empty());
}

TEST(CustomerReader, ReadsTraits) {
  auto mapping = parse_mapping(Kind::customers, "id=uid,time=t,customer.*=*").value();
  const auto all =
      read_rows<CustomerRow>("uid,t,城市,age\nu1,2024-05-01T00:00:00Z,上海,31\n", mapping);
  ASSERT_EQ(all.rows.size(), 1u) << all.failure;
  EXPECT_EQ(all.rows[0].id, "u1");
  EXPECT_EQ(all.rows[0].traits.size(), 2u);
  EXPECT_EQ(all.rows[0].traits[0].name, "城市");
}

TEST(EventReader, GivesTheSameEventsWhateverTheBlockSize) {
  std::string text(kHeader);
  for (int i = 0; i < 500; ++i) {
    text += "o" + std::to_string(i / 3) + ",s" + std::to_string(i % 17) + ",\"na\nme\"," +
            std::to_string(i % 5 - 1) + ",2010-12-0" + std::to_string(i % 9 + 1) + " 08:26:00,2.5" +
            std::to_string(i % 10) + ",u" + std::to_string(i % 7) + ",UK\n";
  }
  std::vector<Hash128> expected;
  for (const std::size_t block : {std::size_t{1} << 20, std::size_t{4000}, std::size_t{300}}) {
    auto mapping = parse_mapping(Kind::events, kOrders).value();
    mapping.reading.block_bytes = block;
    std::vector<Hash128> hashes;
    const auto all = read_rows<Event>(text, mapping);
    for (const Event& event : all.rows) hashes.push_back(content_hash(event));
    ASSERT_EQ(hashes.size(), 500u);
    if (expected.empty()) expected = hashes;
    EXPECT_EQ(hashes, expected);
  }
}

TEST(ContentHash, ChangesWithEveryFieldAndNotWithTheOrderOfAttributes) {
  const std::vector<Attribute> one{{"a", "1"}, {"b", "2"}}, other{{"b", "2"}, {"a", "1"}},
      shifted{{"a", "2"}, {"b", "1"}};
  Event base;
  base.item_attributes = one;
  Event same = base;
  same.item_attributes = other;
  same.marks = 5;
  EXPECT_EQ(content_hash(base), content_hash(same));
  std::vector<Event> changed(14, base);
  changed[0].type = EventType::purchase;
  changed[1].time.micros = 1;
  changed[2].offset_minutes = 0;
  changed[3].customer = "x";
  changed[4].anonymous = "x";
  changed[5].item = "x";
  changed[6].quantity = 0;
  changed[7].price_minor = 0;
  changed[8].currency = Currency::parse("EUR").value();
  changed[9].item_attributes = shifted;
  changed[10].customer_attributes = one;
  changed[11].properties = "{}";
  changed[12].rating = 0;
  changed[13].duration_ms = 0;
  for (std::size_t i = 0; i < changed.size(); ++i) {
    EXPECT_NE(content_hash(changed[i]), content_hash(base)) << i;
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_NE(content_hash(changed[i]), content_hash(changed[j])) << i << j;
  }
}

TEST(Clean, EqualsFullNormalisation) {
  const std::vector<std::string> pieces{
      "a",         " ",  "  ",   "\t", "é",
      "e\xCC\x81", "中", "　",   "，", "\xC2\xA0",
      "!",         "Z",  "\x01", "가", "long enough to be read in blocks"};
  std::uint32_t state = 1;
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (int i = 0; i < 1 + round % 6; ++i) {
      state = state * 1664525 + 1013904223;
      text += pieces[(state >> 16) % pieces.size()];
    }
    RowArena arena;
    bool changed = false;
    const std::string cleaned(clean(text, arena, changed));
    EXPECT_EQ(cleaned, normalise_text(text)) << quoted(text);
    EXPECT_EQ(changed, cleaned != text) << quoted(text);
    EXPECT_TRUE(!is_clean(text) || normalise_text(text) == text) << quoted(text);
  }
}

constexpr std::string_view kPriced = "customer=c,item=i,time=t,price=p,type=purchase";

TEST(EventReader, TakesARowsCurrencyFromTheAmountWhereNothingElseStatesOne) {
  const auto all = read_events(
      "c,i,t,p\nu,a,2020-01-01,7.50\nu,b,2020-01-01,€12.50\nu,c,2020-01-01,$5\nu,d,2020-01-01,£3\n"
      "u,e,2020-01-01,￥10\nu,f,2020-01-01,99元\nu,g,2020-01-01,100円\nu,h,2020-01-01,4.20 CHF\n",
      kPriced);
  ASSERT_EQ(all.rows.size(), 8u) << all.failure;
  const std::pair<const char*, std::int64_t> expected[] = {
      {"GBP", 750},  {"EUR", 1250}, {"USD", 500}, {"GBP", 300},
      {"CNY", 1000}, {"CNY", 9900}, {"JPY", 100}, {"CHF", 420}};
  for (std::size_t i = 0; i < all.rows.size(); ++i) {
    const Event& event = all.rows[i];
    EXPECT_EQ(event.currency.to_string(), expected[i].first) << i;
    EXPECT_EQ(event.price_minor, expected[i].second) << i;
    EXPECT_EQ(event.value_minor, expected[i].second) << i;
    EXPECT_EQ(has(event, Mark::currency_assumed), i == 2 || i == 4) << i;
  }
  // What a sign of the shop's own currency adds is nothing: the row is the same.
  const auto plain = read_events("c,i,t,p\nu,d,2020-01-01,3\n", kPriced);
  EXPECT_EQ(content_hash(all.rows[3]), content_hash(plain.rows.at(0)));
}

TEST(EventReader, ReadsASignOfSeveralCurrenciesAsTheShopsOwn) {
  ShopSettings shop = london_shop();
  shop.currency = *Currency::parse("CAD");
  const std::string text = "c,i,t,p\nu,a,2020-01-01,$5\n";
  auto all = read_events(text, kPriced, shop);
  EXPECT_EQ(all.rows.at(0).currency.to_string(), "CAD");
  EXPECT_FALSE(has(all.rows[0], Mark::currency_assumed));
  shop.currency = {};
  shop.reporting = *Currency::parse("CAD");
  all = read_events(text, kPriced, shop);
  EXPECT_EQ(all.rows.at(0).currency.to_string(), "CAD");
}

TEST(EventReader, SetsRowsAsideWhoseAmountAndCurrencyContradictEachOther) {
  const std::string text =
      "c,i,t,p,v,cur\nu,a,2020-01-01,$5,,CAD\nu,b,2020-01-01,€5,,GBP\nu,c,2020-01-01,€5,£6,\n"
      "u,d,2020-01-01,5,€6,\nu,e,2020-01-01,5 GPB,,\nu,f,2020-01-01,5,,GPB\n";
  const std::string map = "customer=c,item=i,time=t,price=p,value=v,type=purchase";
  const auto all = read_events(text, map + ",currency=cur");
  ASSERT_EQ(all.rows.size(), 2u) << all.failure;
  EXPECT_EQ(all.rows[0].currency.to_string(), "CAD");
  EXPECT_EQ(all.rows[1].currency.to_string(), "EUR");
  EXPECT_EQ(all.rows[1].price_minor, 500);
  ASSERT_EQ(all.refused.size(), 4u);
  EXPECT_EQ(all.refused[0].reason, "two_currencies");
  EXPECT_NE(all.refused[0].message.find("'€5' is in EUR"), std::string::npos);
  EXPECT_NE(all.refused[0].message.find("currency='GBP'"), std::string::npos);
  EXPECT_EQ(all.refused[1].reason, "two_currencies");
  for (const std::size_t at : {2u, 3u}) {
    EXPECT_EQ(all.refused[at].reason, "unknown_currency");
    EXPECT_NE(all.refused[at].message.find("did you mean 'GBP'?"), std::string::npos)
        << all.refused[at].message;
  }
  // What the user says of all rows holds.
  const auto stated = read_events(text, map + ",currency='GBP'");
  ASSERT_GE(stated.rows.size(), 2u) << stated.failure;
  for (const Event& event : stated.rows) EXPECT_EQ(event.currency.to_string(), "GBP");
  EXPECT_NE(read_events(text, map + ",currency=GPB").failure.find("did you mean 'GBP'?"),
            std::string::npos);
}

}  // namespace
}  // namespace attune::events
