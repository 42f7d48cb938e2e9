#include "attune/events/mapping.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "reading.h"
#include "synonyms.h"

namespace attune::events {
namespace {

Mapping parsed(std::string_view text) {
  const auto mapping = parse_mapping(Kind::events, text);
  EXPECT_TRUE(mapping.has_value()) << (mapping ? "" : mapping.error().message);
  return mapping.value_or(Mapping{});
}

std::string failure(std::string_view text) {
  const auto mapping = parse_mapping(Kind::events, text);
  return mapping ? "" : mapping.error().message;
}

TEST(Mapping, ReadsColumnsAlternativesConstantsAndRules) {
  const Mapping mapping = parsed(
      "customer=CustomerID, item=\"Stock, Code\"|sku, channel='web shop', type[pv]=view, "
      "type[Order Completed]=purchase,"
      "time.format=day_first,time.zone=Asia/"
      "Shanghai,order.cancelled_prefix=C,quantity.negative=keep,item.optional=true,"
      "item.category[split]='|',value[unless]=\"p.#\",explode=p,"
      "item.genre[flag action]=Action,item.genre[flag \"sci fi\"]='Sci-Fi'");
  EXPECT_EQ(mapping.fields.at("customer").columns, std::vector<std::string>{"CustomerID"});
  EXPECT_EQ(mapping.fields.at("item").columns, (std::vector<std::string>{"Stock, Code", "sku"}));
  EXPECT_EQ(mapping.fields.at("channel").constant, "web shop");
  EXPECT_EQ(mapping.types,
            (std::map<std::string, std::string>{{"pv", "view"}, {"order_completed", "purchase"}}));
  EXPECT_EQ(mapping.time_format, TimeFormat::day_first);
  EXPECT_EQ(mapping.time_zone, "Asia/Shanghai");
  EXPECT_EQ(mapping.cancelled_prefix, "C");
  EXPECT_EQ(mapping.negative_quantity, NegativeQuantity::keep);
  EXPECT_EQ(mapping.item_optional, true);
  EXPECT_EQ(mapping.fields.at("item.category").split, "|");
  EXPECT_EQ(mapping.fields.at("value").unless, "p.#");
  EXPECT_EQ(mapping.reading.explode, "p");
  EXPECT_EQ(mapping.fields.at("item.genre").columns,
            (std::vector<std::string>{"action", "sci fi"}));
  EXPECT_EQ(mapping.fields.at("item.genre").flags, (std::vector<std::string>{"Action", "Sci-Fi"}));
  EXPECT_NE(failure("item[flag a]=b").find("brackets are for"), std::string::npos);
}

TEST(Mapping, PrintsTextThatReadsBackTheSame) {
  const Mapping mapping = parsed(
      "customer=\"Customer "
      "ID\"|uid,item=sku,time=t,type='view',value=total,value[unless]=n,item.tags=tags,"
      "item.tags[split]='|',type[pv]=view,time.format=epoch_seconds,quantity.negative=correction,"
      "item.genre[flag action]=Action,item.genre[flag \"sci fi\"]='Sci-Fi'");
  EXPECT_EQ(parsed(print_mapping(mapping)), mapping) << print_mapping(mapping);
}

TEST(Mapping, TakesApostrophesInColumnNames) {
  EXPECT_EQ(parsed("customer=Buyer's id,item=sku").fields.at("customer").columns[0], "Buyer's id");
}

TEST(Mapping, SaysWhichPieceIsWrongAndWhatWasMeant) {
  EXPECT_NE(failure("customer=a,itm=b")
                .find("piece 2 'itm=b': there is no field 'itm' of events; did you mean 'item'?"),
            std::string::npos)
      << failure("customer=a,itm=b");
  EXPECT_NE(failure("customer").find("write field=column"), std::string::npos);
  EXPECT_NE(failure("customer=").find("nothing stands behind"), std::string::npos);
  EXPECT_NE(failure("customer='a").find("is not closed"), std::string::npos);
  EXPECT_NE(failure("type[pv]=vieww").find("did you mean 'view'"), std::string::npos);
  EXPECT_NE(failure("time.zone=Mars/Base").find("not a time zone"), std::string::npos);
  EXPECT_NE(failure("time.format=dayfirst").find("day_first"), std::string::npos);
}

TEST(Mapping, IsCheckedAgainstTheColumnsOfTheFile) {
  const std::vector<std::string> columns{"CustomerID", "StockCode", "InvoiceDate"};
  const auto check = [&](std::string_view text) {
    const auto status = check_mapping(with_constants(parsed(text), columns), columns, "orders.csv");
    return status ? "" : status.error().message;
  };
  EXPECT_EQ(check("customer=customerid,time=InvoiceDate,type=purchase"), "");
  EXPECT_NE(check("customer=CustomrID,time=InvoiceDate,type=purchase")
                .find("say --map customer=CustomerID"),
            std::string::npos);
  EXPECT_NE(check("customer=CustomerID,type=purchase").find("no column gives the time"),
            std::string::npos);
  EXPECT_NE(check("customer=CustomerID,time=InvoiceDate").find("--map type=COLUMN"),
            std::string::npos);
  EXPECT_NE(check("time=InvoiceDate,type=view").find("customer or an item"), std::string::npos);
  EXPECT_NE(check("customer=CustomerID,time=InvoiceDate,type=purchse")
                .find("no column 'purchse' for type"),
            std::string::npos);
}

TEST(Mapping, MergesFieldByField) {
  const Mapping merged =
      merge(parsed("customer=a,item=b,type=view"), parsed("item=c,time.zone=UTC"));
  EXPECT_EQ(merged.fields.at("customer").columns[0], "a");
  EXPECT_EQ(merged.fields.at("item").columns[0], "c");
  EXPECT_EQ(merged.time_zone, "UTC");
}

// Inference.

Inference infer(const std::string& text, std::string_view stated = "", Kind kind = Kind::events) {
  auto records = open_records(ByteSource::from_memory("x.csv", text).value()).value();
  const RecordBatch* sample = records->sample().value();
  return infer_mapping(kind, records->columns(), *sample, parse_mapping(kind, stated).value());
}

std::string column_of(const Inference& inference, const std::string& field) {
  const auto found = inference.mapping.fields.find(field);
  if (found == inference.mapping.fields.end()) return "(none)";
  return found->second.constant ? "'" + *found->second.constant + "'" : found->second.columns[0];
}

TEST(Inference, KnowsTheColumnsOfAnEnglishOrderList) {
  const auto guess = infer(
      "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
      "536365,85123A,WHITE HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
      "C536379,D,Discount,-1,2010-12-01 09:41:00,27.5,14527.0,United Kingdom\n"
      "536366,71053,LANTERN,6,2010-12-01 08:28:00,3.39,17850.0,France\n");
  EXPECT_EQ(column_of(guess, "customer"), "CustomerID");
  EXPECT_EQ(column_of(guess, "item"), "StockCode");
  EXPECT_EQ(column_of(guess, "order"), "InvoiceNo");
  EXPECT_EQ(column_of(guess, "time"), "InvoiceDate");
  EXPECT_EQ(column_of(guess, "quantity"), "Quantity");
  EXPECT_EQ(column_of(guess, "price"), "UnitPrice");
  EXPECT_EQ(column_of(guess, "item.name"), "Description");
  EXPECT_EQ(column_of(guess, "customer.country"), "Country");
  EXPECT_EQ(column_of(guess, "type"), "'purchase'");
  EXPECT_EQ(guess.mapping.cancelled_prefix, "C");
  EXPECT_TRUE(guess.missing.empty());
}

TEST(Inference, KnowsTheColumnsOfAChineseOrderList) {
  const auto guess = infer(
      "订单编号,会员ID,商品编码,商品名称,类目,品牌,数量,单价(元),下单时间\n"
      "A1,张三,S1,保温杯,家居,乐扣,2,59.9,2024年5月1日 08:30\n"
      "A2,李四,S2,跑鞋,运动,安踏,1,399,2024年5月2日 21:05\n");
  EXPECT_EQ(column_of(guess, "order"), "订单编号");
  EXPECT_EQ(column_of(guess, "customer"), "会员ID");
  EXPECT_EQ(column_of(guess, "item"), "商品编码");
  EXPECT_EQ(column_of(guess, "item.name"), "商品名称");
  EXPECT_EQ(column_of(guess, "item.category"), "类目");
  EXPECT_EQ(column_of(guess, "item.brand"), "品牌");
  EXPECT_EQ(column_of(guess, "quantity"), "数量");
  EXPECT_EQ(column_of(guess, "price"), "单价(元)");
  EXPECT_EQ(column_of(guess, "time"), "下单时间");
  EXPECT_TRUE(guess.missing.empty());
}

TEST(Inference, LetsValuesOverruleNames) {
  const auto guess = infer(
      "user_id,item_id,timestamp,price,created_at\n1,2,not yet,cheap,2024-05-01\n3,4,not "
      "yet,dear,2024-05-02\n");
  EXPECT_EQ(column_of(guess, "time"), "created_at");
  EXPECT_EQ(column_of(guess, "price"), "(none)");
}

TEST(Inference, TakesAnAmountByItsNameWhereSomeCellsAreNoNumbers) {
  const std::string head = "user_id,item_id,timestamp,price,sum\n";
  const auto half = infer(head + "1,2,2024-05-01,3.5,x\n1,2,2024-05-02,on request,x\n");
  EXPECT_EQ(column_of(half, "price"), "price");
  EXPECT_EQ(column_of(half, "type"), "'purchase'");

  // Where hardly any is one, it is told.
  auto records =
      open_records(ByteSource::from_memory("x.csv", head + "1,2,2024-05-01,3.5,x\n"
                                                           "1,2,2024-05-02,on request,x\n"
                                                           "1,2,2024-05-03,on request,x\n")
                       .value())
          .value();
  const RecordBatch* sample = records->sample().value();
  const Inference guess = infer_mapping(Kind::events, records->columns(), *sample);
  EXPECT_EQ(column_of(guess, "price"), "(none)");
  EXPECT_NE(print_inference(guess, records->columns(), *sample)
                .find("'price' is not taken as price: 33 % of its values are numbers; --map "
                      "\"price=price\" takes it"),
            std::string::npos)
      << print_inference(guess, records->columns(), *sample);
}

TEST(Inference, KnowsAColumnOfAnonymousIdsByTheFieldsOwnName) {
  const auto ids = infer("anonymous,item_id,time\nv1,2,2024-05-01\nv2,3,2024-05-02\n");
  EXPECT_EQ(column_of(ids, "anonymous"), "anonymous");
  EXPECT_EQ(column_of(infer("anonymous,id\nv1,a\nv2,b\n", "", Kind::customers), "anonymous"),
            "anonymous");
  const auto flag = infer("user_id,anonymous,item_id,time\n1,false,2,2024-05-01\n1,true,3,\n");
  EXPECT_EQ(column_of(flag, "anonymous"), "(none)");
  const auto ending = infer("user_id,is_anonymous,item_id,time\n1,x,2,2024-05-01\n1,y,3,\n");
  EXPECT_EQ(column_of(ending, "anonymous"), "(none)");
}

TEST(Inference, TakesATypeByItsWordBesideAColumnOfThatName) {
  const auto word =
      infer("user,item,rating,time\n1,2,5,2024-05-01\n1,3,4,2024-05-02\n", "type=rating");
  EXPECT_EQ(column_of(word, "type"), "'rating'");
  EXPECT_EQ(column_of(word, "rating"), "rating");
  ASSERT_FALSE(word.guesses.empty());
  EXPECT_EQ(word.guesses[0].reason, "the word, as column 'rating' holds no types");

  const auto column =
      infer("user,item,view,time\n1,2,buy,2024-05-01\n1,3,view,2024-05-02\n", "type=view");
  EXPECT_EQ(column_of(column, "type"), "view");
}

TEST(Inference, TakesEventsOfAnExportWithoutItems) {
  const std::string head =
      "event_id,time,type,customer_id,anonymous_id,item_id,recommendation_id,duration_ms\n";
  const std::string row = "attune:1,2024-05-01,view,ann,,,,\n";
  EXPECT_EQ(infer(head + row).mapping.item_optional, true);
  EXPECT_EQ(infer(head + row, "item.optional=false").mapping.item_optional, false);
  EXPECT_EQ(infer("time,type,customer_id,item_id\n2024-05-01,view,ann,\n").mapping.item_optional,
            std::nullopt);
}

TEST(Inference, ReadsEventTypesFromTheirValues) {
  const auto guess =
      infer("user_id,item_id,behavior,timestamp\n1,2,pv,1511544070\n1,3,buy,1511544080\n");
  EXPECT_EQ(column_of(guess, "type"), "behavior");
  EXPECT_EQ(column_of(guess, "time"), "timestamp");
}

TEST(Inference, KeepsWhatTheUserSaidAndNamesWhatItCannotFind) {
  const auto guess = infer("a,b,c\nx1,y1,z1\nx2,y2,z2\n", "customer=a");
  EXPECT_EQ(column_of(guess, "customer"), "a");
  ASSERT_EQ(guess.missing.size(), 2u);
  EXPECT_EQ(guess.missing[0].field, "time");
  EXPECT_EQ(guess.missing[0].remedy, "--map time=COLUMN");
  EXPECT_EQ(guess.missing[1].field, "type");
  EXPECT_EQ(guess.missing[1].remedy, "--map type=COLUMN, or type=view, type=purchase …");
  EXPECT_EQ(guess.unused, (std::vector<std::string>{"b", "c"}));
}

TEST(Inference, GuessesItemsAndCustomers) {
  const auto items =
      infer("sku,title,category,brand,price\n1,a,b,c,2.5\n2,d,e,f,3.5\n", "", Kind::items);
  EXPECT_EQ(column_of(items, "id"), "sku");
  EXPECT_EQ(column_of(items, "name"), "title");
  EXPECT_EQ(column_of(items, "price"), "price");
  const auto customers = infer("会员号,性别\nu1,女\nu2,男\n", "", Kind::customers);
  EXPECT_EQ(column_of(customers, "id"), "会员号");
  const auto shopify = infer(
      "Handle,Title,Vendor,Product Category,Variant SKU,Variant Inventory Qty,Variant Price,"
      "Variant Compare At Price\nblue-mug,Blue Mug,Acme,Home > Mugs,MUG-B,12,15.00,19.00\n",
      "", Kind::items);
  EXPECT_EQ(column_of(shopify, "id"), "Variant SKU");
  EXPECT_EQ(column_of(shopify, "stock"), "Variant Inventory Qty");
  EXPECT_EQ(column_of(shopify, "price"), "Variant Price");
}

TEST(Inference, TakesAnOrdersTotalForNoLinesValue) {
  const std::string head = "order_id,customer_id,sku,date,quantity,price,total\n";
  std::string totals = head, lines = head, repeats = head;
  for (int i = 0; i < 5; ++i) {
    const std::string order = fmt::format("o{0},u{0},", i);
    const std::string rest = fmt::format(",2024-05-01,1,3.50,{}.00\n", 7 + i);
    totals += order + "a" + rest + order + "b" + rest;
    lines += order + "a" + rest + order + "b,2024-05-01,2,3.50,1.00\n";
    repeats += order + "a" + rest + order + "a" + rest;
  }
  const Inference found = infer(totals);
  EXPECT_FALSE(found.mapping.has("value"));
  EXPECT_EQ(column_of(found, "price"), "price");
  EXPECT_EQ(found.unused, std::vector<std::string>{"total"});
  ASSERT_EQ(found.notes.size(), 1u);
  EXPECT_NE(found.notes[0].find("each of 5 orders"), std::string::npos) << found.notes[0];
  EXPECT_EQ(column_of(infer(lines), "value"), "total");
  EXPECT_EQ(column_of(infer(repeats), "value"), "total") << "the same row again is no other line";
  EXPECT_TRUE(infer(totals, "value=total").mapping.has("value"));
}

// As Shopify's admin writes them: what an order says of itself stands on its first line alone.
TEST(Inference, ReadsOrdersWhoseLaterLinesLeaveTheOrderOut) {
  const Inference found = infer(
      "Name,Email,Financial Status,Currency,Total,Created at,Lineitem quantity,Lineitem name,"
      "Lineitem price,Lineitem sku,Vendor\n"
      "#1001,ann@x.example,paid,EUR,50.00,2024-03-01 10:04:58 +0100,1,Blue Mug,15.00,MUG-B,Acme\n"
      "#1001,ann@x.example,,,,2024-03-01 10:04:58 +0100,2,Red Plate,15.00,,Acme\n"
      "#1002,bob@x.example,refunded,EUR,20.00,2024-03-03 11:04:58 +0100,1,Blue Mug,15.00,MUG-B,\n");
  EXPECT_EQ(column_of(found, "order"), "Name");
  EXPECT_EQ(column_of(found, "customer"), "Email");
  EXPECT_EQ(column_of(found, "time"), "Created at");
  EXPECT_EQ(column_of(found, "price"), "Lineitem price");
  EXPECT_EQ(column_of(found, "quantity"), "Lineitem quantity");
  EXPECT_EQ(column_of(found, "item.name"), "Lineitem name");
  EXPECT_EQ(column_of(found, "item.brand"), "Vendor");
  EXPECT_EQ(found.mapping.fields.at("item").columns,
            (std::vector<std::string>{"Lineitem sku", "Lineitem name"}));
  EXPECT_FALSE(found.mapping.has("value")) << "the first line is not worth the whole order";
  ASSERT_EQ(found.notes.size(), 2u);
  EXPECT_NE(found.notes[0].find("first line of orders alone"), std::string::npos) << found.notes[0];
  EXPECT_NE(found.notes[1].find("'Financial Status' is not read"), std::string::npos)
      << found.notes[1];
}

TEST(Inference, TellsItemsApartByNameWhereOrdersHaveNoCodes) {
  const Inference found = infer(
      "订单编号,买家会员名,宝贝标题,购买数量,价格,订单付款时间,订单状态\n"
      "1001,小明,蓝色杯子,2,15.50,2024-03-01 10:00:00,交易成功\n"
      "1002,小红,红色盘子,1,8.00,2024-03-02 09:05:00,交易关闭\n");
  EXPECT_EQ(column_of(found, "item"), "宝贝标题");
  EXPECT_EQ(column_of(found, "item.name"), "宝贝标题");
  ASSERT_EQ(found.notes.size(), 1u);
  EXPECT_NE(found.notes[0].find("type=订单状态,type[交易成功]=purchase"), std::string::npos)
      << found.notes[0];
  // A name may be the buyer's, and a page has a title without being sold.
  EXPECT_EQ(
      column_of(infer("order_id,email,name,date,price\n1,a@x.example,Ann,2024-03-01,3\n"), "item"),
      "(none)");
  EXPECT_EQ(column_of(infer("user_id,product_name,date\n1,Cup,2024-03-01\n"), "item"), "(none)");
}

TEST(Inference, TakesNoDiscountNorAnOrdersAmountForALinesValue) {
  const Inference etsy = infer(
      "Sale Date,Item Name,Buyer,Quantity,Price,Discount Amount,Item Total,Transaction ID,Order "
      "ID\n"
      "03/25/24,Silver Ring,ann,2,25.00,5,50.00,91,51\n"
      "03/26/24,Gold Ring,bob,1,45.00,0,45.00,92,52\n");
  EXPECT_EQ(column_of(etsy, "value"), "Item Total");
  EXPECT_EQ(column_of(etsy, "order"), "Order ID");
  const Inference woo = infer(
      "Order Number,Order Date,Email (Billing),Order Total Amount,SKU,Item Name,Item Cost\n"
      "101,2024-03-01 10:00,ann@x.example,38.00,MUG,Blue Mug,15.00\n"
      "101,2024-03-01 10:00,ann@x.example,38.00,PLT,Red Plate,8.00\n");
  EXPECT_EQ(column_of(woo, "price"), "Item Cost");
  EXPECT_FALSE(woo.mapping.has("value"));
  ASSERT_EQ(woo.notes.size(), 1u);
  EXPECT_NE(woo.notes[0].find("is called an order's"), std::string::npos) << woo.notes[0];
  const Inference square = infer(
      "Date,Item,Qty,Gross Sales,Discounts,Net Sales,Tax,Transaction ID,Event Type,Customer ID\n"
      "2024-03-01,Latte,2,$9.00,$1.00,$8.00,$0.72,T1,Payment,C1\n"
      "2024-03-02,Latte,-1,-$4.50,$0.00,-$4.50,-$0.36,T2,Refund,C1\n");
  EXPECT_EQ(column_of(square, "value"), "Net Sales");
  EXPECT_EQ(column_of(square, "type"), "Event Type");
}

TEST(Inference, PrintsATableThatSaysWhy) {
  auto records = open_records(ByteSource::from_memory(
                                  "x.csv", "客户,time,x\nu1,2024-05-01,1\nu2,2024-05-02,2\n")
                                  .value())
                     .value();
  const RecordBatch* sample = records->sample().value();
  const std::string table = print_inference(
      infer_mapping(Kind::events, records->columns(), *sample), records->columns(), *sample);
  EXPECT_NE(table.find("客户"), std::string::npos);
  EXPECT_NE(table.find("its name says so; 100 % are times (year_first)"), std::string::npos)
      << table;
  EXPECT_NE(table.find("not used: x"), std::string::npos);
  EXPECT_NE(table.find("not found: say --map type=COLUMN"), std::string::npos);
}

TEST(Synonyms, NameFieldsThatExist) {
  for (const Kind kind : {Kind::events, Kind::items, Kind::customers}) {
    for (const FieldSynonym& synonym : field_synonyms(kind)) {
      EXPECT_TRUE(parse_mapping(kind, std::string(synonym.field) + "=x").has_value())
          << synonym.field;
      EXPECT_EQ(name_key(synonym.word), synonym.word) << "would never be found";
    }
  }
}

// Presets.

std::filesystem::path presets() {
  for (const char* place : {"presets", "../presets", "../../presets"}) {
    if (std::filesystem::is_directory(place)) return place;
  }
  return find_presets().value();
}

TEST(Preset, AllThatAreShippedCanBeRead) {
  const auto names = list_presets(presets());
  EXPECT_EQ(names, (std::vector<std::string>{"ga4", "movielens", "online-retail", "segment"}));
  for (const std::string& name : names) {
    const auto preset = Preset::load(presets(), name);
    ASSERT_TRUE(preset.has_value()) << preset.error().message;
    EXPECT_FALSE(preset->title().empty());
    EXPECT_TRUE(preset->reading(Kind::events).has_value());
  }
}

TEST(Preset, ThatIsUnknownListsThoseThereAre) {
  const auto preset = Preset::load(presets(), "onlineretail");
  EXPECT_EQ(preset.error().code, ErrorCode::not_found);
  EXPECT_NE(preset.error().message.find("did you mean 'online-retail'"), std::string::npos);
  EXPECT_NE(preset.error().message.find("ga4, movielens, online-retail, segment"),
            std::string::npos);
  EXPECT_EQ(Preset::load(presets(), "../secrets").error().code, ErrorCode::not_found);
}

TEST(Preset, TakesTheFirstMappingThatFitsTheColumns) {
  const Preset preset = Preset::load(presets(), "movielens").value();
  const std::vector<std::string> plain{"column_1", "column_2", "column_3", "column_4"};
  const std::vector<std::string> named{"userId", "movieId", "rating", "timestamp"};
  EXPECT_EQ(preset.mapping(Kind::events, plain)->fields.at("customer").columns[0], "column_1");
  EXPECT_EQ(preset.mapping(Kind::events, named)->fields.at("customer").columns[0], "userId");
  const std::vector<std::string> other{"a", "b"};
  EXPECT_NE(preset.mapping(Kind::events, other).error().message.find("no column userId, movieId"),
            std::string::npos);
}

struct PresetCase {
  const char* toml;
  const char* words;
};
class PresetFaults : public testing::TestWithParam<PresetCase> {};
TEST_P(PresetFaults, NameFileLineAndKey) {
  const auto preset = Preset::parse(GetParam().toml, "mine");
  ASSERT_FALSE(preset.has_value());
  EXPECT_NE(preset.error().message.find(GetParam().words), std::string::npos)
      << preset.error().message;
  EXPECT_NE(preset.error().message.find("mine.toml"), std::string::npos);
}
INSTANTIATE_TEST_SUITE_P(
    All, PresetFaults,
    testing::Values(
        PresetCase{"title = ", "line 1, column"}, PresetCase{"titel = \"x\"", "'titel' is unknown"},
        PresetCase{"title = \"x\"", "no [[mapping]]"},
        PresetCase{"[[mapping]]\nkind = \"event\"", "line 2, column 8: 'event' is not a kind"},
        PresetCase{"[[mapping]]\n[mapping.fields]\ncustomr = \"x\"", "line 3"},
        PresetCase{"[[mapping]]\n[mapping.fields]\ncustomer = 5", "has to be a text"},
        PresetCase{"[[mapping]]\n[mapping.types]\npv = \"vieww\"", "did you mean 'view'"},
        PresetCase{"[[mapping]]\n[mapping.rules]\ntime_zone = \"Mars\"", "not a time zone"},
        PresetCase{"[[mapping]]\n[mapping.rules]\nzone = \"UTC\"", "'zone' is no rule"},
        PresetCase{"[[mapping]]\n[mapping.reading]\nheader = \"no\"", "true or false"},
        PresetCase{"[[mapping]]\nfields = 3", "has to be a table"}));

}  // namespace
}  // namespace attune::events
