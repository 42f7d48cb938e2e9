#include "attune/engine/import.h"

#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include "../report_words.h"
#include "attune/engine/cleaning.h"
#include "attune/engine/export.h"
#include "attune/engine/quality_view.h"
#include "shop.h"

namespace attune::engine {
namespace {

TEST_F(Shop, CountsWhatIsOddAboutAFileAndKeepsTheGoodRows) {
  Workspace workspace = open();
  const auto file = write("orders.csv",
                          "order_id,customer_id,product_id,product_name,date,quantity,price\n"
                          "1,ann,p1,Lamp,2026-01-05 10:00:00,2,4.50\n"
                          "1,ann,p1,Lamp,2026-01-05 10:00:00,2,4.50\n"
                          "C2,ann,p1,Lamp,2026-01-06 10:00:00,-2,4.50\n"
                          "3,,p2,,2026-01-07 10:00:00,1,0\n"
                          "4,bob,p2,Rug,not a date,1,5\n"
                          "5,bob,p2,Rug,2026-01-08 10:00:00,1,5,surplus\n");
  const ImportResult result = import(workspace, file);
  EXPECT_EQ(result.report.rows_read, 6);
  EXPECT_EQ(result.rows_new, 3);
  EXPECT_EQ(result.report.rows_quarantined, 2);
  EXPECT_EQ(result.report.reasons.at("exact_duplicate").count, 1);
  EXPECT_EQ(result.report.reasons.at("missing_customer").count, 1);
  EXPECT_EQ(result.report.reasons.at("zero_price").count, 1);
  EXPECT_EQ(result.cleaning.refunds_paired, 1);
  ASSERT_EQ(result.quarantine.size(), 1u);

  // Mended rows come in by the same door.
  std::ifstream refused(result.quarantine[0]);
  std::string text((std::istreambuf_iterator<char>(refused)), {});
  const std::size_t wrong = text.rfind("not a date");  // the cell, behind the message
  ASSERT_NE(wrong, std::string::npos);
  text.replace(wrong, 10, "2026-01-09 10:00:00");
  const ImportResult mended = import(workspace, write("mended.csv", text));
  EXPECT_EQ(mended.rows_new, 1);
  EXPECT_EQ(workspace.history().find_int64("SELECT count(*) FROM events").value(), 4);
}

class ImportOfSeveralFiles : public Shop {
 protected:
  ImportResult import_all(Workspace& workspace, const std::vector<std::filesystem::path>& files,
                          events::Kind kind, bool keep_repeats = false) {
    ImportRequest request;
    request.kind = kind;
    request.files = files;
    request.currency = "GBP";
    request.keep_repeats = keep_repeats;
    std::vector<events::Mapping> mappings;
    for (const auto& file : files) {
      auto preview = preview_import(request, file);
      if (!preview) ADD_FAILURE() << to_string(preview.error());
      mappings.push_back(preview.value_or(ImportPreview()).mapping);
    }
    auto result = run_import(workspace, request, mappings, quiet_);
    if (!result) ADD_FAILURE() << to_string(result.error());
    return result.value_or(ImportResult());
  }
};

TEST_F(ImportOfSeveralFiles, IsAsIfTheyCameOneAfterTheOther) {
  const std::string head = "event_id,order_id,customer_id,product_id,date,quantity,price\n";
  const std::string shared =
      ",1,ann,p1,2026-01-05 10:00:00,2,4.50\n"
      ",1,ann,p1,2026-01-05 10:00:00,2,4.50\n"
      "e7,2,bob,p2,2026-01-06 10:00:00,1,5\n";
  const std::vector files{
      write("w1.csv", head + shared + ",3,cid,p1,2026-01-07 10:00:00,1,5\n"),
      write("w2.csv", head + shared + shared + ",4,dan,p1,2026-01-08 10:00:00,1,5\n"),
  };
  for (const bool keep_repeats : {false, true}) {
    const std::string name = keep_repeats ? "kept" : "plain";
    std::map<std::string, std::int64_t> apart;
    Workspace one_by_one = open(root_ / (name + "-apart"));
    std::int64_t rows_apart = 0;
    for (const auto& file : files) {
      const ImportResult result =
          import_all(one_by_one, {file}, events::Kind::events, keep_repeats);
      rows_apart += result.rows_new;
      for (const auto& [reason, found] : result.report.reasons) apart[reason] += found.count;
    }
    Workspace at_once = open(root_ / (name + "-at-once"));
    const ImportResult result = import_all(at_once, files, events::Kind::events, keep_repeats);
    std::map<std::string, std::int64_t> together;
    for (const auto& [reason, found] : result.report.reasons) together[reason] = found.count;
    EXPECT_EQ(result.rows_new, rows_apart);
    EXPECT_EQ(result.rows_new, keep_repeats ? 7 : 4);
    EXPECT_EQ(together, apart);
  }
}

TEST_F(ImportOfSeveralFiles, KnowsItemsAndCustomersThatAnEarlierOneBrought) {
  Workspace workspace = open();
  const auto items = write("items.csv", "item_id,name,price\np1,Lamp,10.00\np2,Rug,20.00\n");
  const auto people =
      write("people.csv", "customer_id,anonymous_id,city\nann,cookie-1,York\nbob,,Hull\n");
  for (const auto& [kind, file] :
       {std::pair(events::Kind::items, items), std::pair(events::Kind::customers, people)}) {
    const ImportResult twice = import_all(workspace, {file, file}, kind);
    EXPECT_EQ(twice.rows_new, 2);
    EXPECT_EQ(twice.rows_known, 2);
    EXPECT_EQ(twice.report.reasons.at("already_imported").count, 2);
    EXPECT_EQ(import_all(workspace, {file}, kind).rows_known, 2);
  }

  // What the second file changes holds, whatever the first one said.
  const auto back = write("back.csv",
                          "item_id,name,price\np1,Lamp,12.00\n"
                          "p2,Rug,20.00\n");
  const ImportResult changed = import_all(workspace, {back, items}, events::Kind::items);
  EXPECT_EQ(changed.rows_new, 2);
  EXPECT_EQ(
      workspace.catalog().snapshot(Timestamp{clock_.now().micros + 1})->find_id("p1")->price_minor,
      1000);
}

TEST_F(Shop, CallsRepeatsWithinAFileOfItemsOrCustomersSo) {
  Workspace workspace = open();
  const auto items = write("items.csv",
                           "item_id,name,price\np1,Lamp,10.00\np1,Lamp,10.00\np1,Lamp,\n"
                           "p2,Rug,20.00\n");
  const auto people = write("people.csv",
                            "customer_id,anonymous_id,city\nann,cookie-1,York\n"
                            "ann,cookie-1,York\nbob,,Hull\nbob,,Hull\n");
  for (const auto& [kind, file] :
       {std::pair(events::Kind::items, items), std::pair(events::Kind::customers, people)}) {
    const ImportResult result = import(workspace, file, kind);
    EXPECT_EQ(result.rows_new, 2);
    EXPECT_EQ(result.rows_known, 0);
    EXPECT_EQ(result.report.reasons.at("exact_duplicate").count, 2);
    EXPECT_FALSE(result.report.reasons.contains("already_imported"));
  }
}

TEST_F(Shop, TellsOfEachImportWhatCleaningFoundInItsOwnRows) {
  Workspace workspace = open();
  std::string first = "order_id,customer_id,product_id,date,quantity,price\n";
  for (int i = 0; i < 30; ++i) {
    first += fmt::format("{},c{},p1,2026-01-05 10:{:02}:00,{},4.50\n", i, i, i, i == 7 ? 9'000 : 2);
  }
  const ImportResult one = import(workspace, write("one.csv", first));
  EXPECT_EQ(one.report.rows_flagged, 1);
  const events::ReasonCount& outlier = one.report.reasons.at("outlier");
  EXPECT_EQ(outlier.count, 1);
  ASSERT_EQ(outlier.examples.size(), 1u);
  EXPECT_EQ(outlier.examples[0].text,
            "purchase, c7, p1, 9000 at 4.50 GBP, 7, 2026-01-05T10:07:00Z");

  // A row of another file has no part in it, and the shop counts each row once.
  const ImportResult two =
      import(workspace, write("two.csv",
                              "order_id,customer_id,product_id,date,quantity,price\n"
                              "99,ann,p1,2026-01-06 10:00:00,2,4.50\n"));
  EXPECT_FALSE(two.report.reasons.contains("outlier"));
  EXPECT_EQ(two.report.rows_flagged, 0);
  auto shop = shop_quality(workspace);
  ASSERT_TRUE(shop && *shop);
  EXPECT_EQ((*shop)->reasons.at("outlier").count, 1);
  EXPECT_EQ((*shop)->rows_flagged, 1);
  EXPECT_EQ((*shop)->rows_read, 31);

  // Found later to be no outlier: others buy as much.
  std::string third = "order_id,customer_id,product_id,date,quantity,price\n";
  for (int i = 0; i < 90; ++i)
    third += fmt::format("{},c{},p1,2026-02-05 10:{:02}:00,{},4.50\n", 200 + i, i, i % 60, 9'000);
  import(workspace, write("three.csv", third));
  shop = shop_quality(workspace);
  ASSERT_TRUE(shop && *shop);
  EXPECT_EQ((*shop)->reasons.at("outlier").count, 30) << "the few are the odd ones now";
  EXPECT_EQ((*shop)->rows_flagged, 30);
}

TEST_F(Shop, LeavesNothingBehindWhenAnImportIsStopped) {
  class Stop final : public Progress {
   public:
    void phase(std::string_view, std::int64_t, std::string_view) override {}
    void advance(std::int64_t) override {}
    bool cancelled() const override { return true; }
  } stop;
  Workspace workspace = open();
  const auto file = write("orders.csv", order_lines(0, 500));
  ImportRequest request;
  request.files = {file};
  const auto preview = preview_import(request, file);
  ASSERT_TRUE(preview);
  const auto stopped = run_import(workspace, request, {preview->mapping}, stop);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  EXPECT_TRUE(std::filesystem::is_empty(folder() / "imports"));
  EXPECT_EQ(workspace.journal().last_sequence(), Sequence{0});
}

TEST_F(Shop, TakesItemsAndCustomersAsChangesThatHoldFromTheirTimeOn) {
  Workspace workspace = open();
  const auto first = write(
      "items.csv",
      "item_id,name,category,price,currency\np1,Lamp,light,10.00,GBP\np2,Rug,floor,20.00,GBP\n");
  EXPECT_EQ(import(workspace, first, events::Kind::items).rows_new, 2);
  EXPECT_EQ(import(workspace, first, events::Kind::items).rows_new, 0) << "tells nothing new";
  const auto second = write(
      "items2.csv",
      "item_id,name,category,price,currency\np1,Lamp,light,12.00,GBP\np2,Rug,floor,20.00,GBP\n");
  EXPECT_EQ(import(workspace, second, events::Kind::items).rows_new, 1);
  EXPECT_EQ(workspace.catalog().snapshot(Timestamp{1})->find_id("p1")->price_minor, 1000);
  EXPECT_EQ(workspace.catalog().snapshot(clock_.now())->find_id("p1")->price_minor, 1200);

  const auto people =
      write("people.csv", "customer_id,city,birth_year\nann,York,1980\nbob,上海,1990\n");
  EXPECT_EQ(import(workspace, people, events::Kind::customers).rows_new, 2);
  EXPECT_EQ(import(workspace, people, events::Kind::customers).rows_new, 0);
  const auto traits = workspace.identity().traits(*workspace.identity().find("bob").value());
  ASSERT_TRUE(traits);
  ASSERT_EQ(traits->size(), 2u);
  EXPECT_EQ((*traits)[1].value, "上海");
}

TEST_F(Shop, KeepsNoIdInTheClearOutsideOfTheKeys) {
  {
    Workspace workspace = open();
    import(workspace, write("orders.csv",
                            "order_id,customer_id,product_id,date,quantity,price\n"
                            "1,maria.lopez@example.org,p1,2026-01-05 10:00:00,2,4.50\n"));
    all_profiles(workspace);
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder())) {
    // The journal and staged rows hold events as they came; they age out.
    if (!entry.is_regular_file() || entry.path().string().find("/journal/") != std::string::npos)
      continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find("maria.lopez"), std::string::npos) << entry.path();
  }
}

TEST_F(Shop, TakesMendedRowsWithTheOptionsOfTheFileTheyCameFrom) {
  Workspace workspace = open();
  ImportRequest request;
  request.currency = "GBP";
  request.map = "customer=who,item=what,time=day,type=purchase,price=sum";
  request.reading.delimiter = ";";
  request.reading.encoding = events::Encoding::gb18030;
  request.reading.has_header = false;
  request.reading.columns = {"who", "what", "day", "sum"};
  const auto run = [&](const std::filesystem::path& file) {
    request.files = {file};
    const auto preview = preview_import(request, file);
    EXPECT_TRUE(preview) << to_string(preview.error());
    return std::pair(*preview, run_import(workspace, request, {preview->mapping}, quiet_).value());
  };
  const auto [plain, first] =
      run(write("orders.txt", "ann;\xB5\xC6;2026-01-05;1.50\nbob;p2;some day;2.50\n"));
  EXPECT_TRUE(plain.notes.empty());
  EXPECT_EQ(first.rows_new, 1);
  ASSERT_EQ(first.quarantine.size(), 1u);
  std::ifstream refused(first.quarantine[0]);
  std::string text((std::istreambuf_iterator<char>(refused)), {});
  text.replace(text.rfind("some day"), 8, "2026-01-06");
  const auto [told, mended] = run(write("mended.csv", text));
  EXPECT_EQ(told.notes.size(), 1u);
  EXPECT_EQ(mended.rows_new, 1);
  EXPECT_TRUE(mended.quarantine.empty());
  EXPECT_TRUE(workspace.catalog().find("p2").value());
}

// One row cannot tell days from months again.
TEST_F(Shop, TakesMendedRowsWithTheTimesOfTheFileTheyCameFrom) {
  Workspace workspace = open();
  const ImportResult first = import(workspace, write("orders.csv",
                                                     "order_id;customer_id;product_id;qty;date\n"
                                                     "1;A;S1;1;25/03/2024\n2;B;S2;1;28/03/2024\n"
                                                     "3;C;S1;x;05/04/2024\n"));
  ASSERT_EQ(first.quarantine.size(), 1u);
  std::ifstream refused(first.quarantine[0]);
  std::string text((std::istreambuf_iterator<char>(refused)), {});
  text.replace(text.rfind(",x,"), 3, ",2,");
  std::ofstream(first.quarantine[0]) << text;
  EXPECT_EQ(import(workspace, first.quarantine[0]).rows_new, 1);
  EXPECT_EQ(workspace.history()
                .find_int64("SELECT count(*) FROM events WHERE time::DATE = '2024-04-05'")
                .value(),
            1);
  std::ofstream(first.quarantine[0].string() + ".map") << "tiem=date\n";
  ImportRequest request;
  request.files = {first.quarantine[0]};
  const auto broken = preview_import(request, first.quarantine[0]);
  ASSERT_FALSE(broken);
  EXPECT_NE(broken.error().message.find("quarantine.csv.map"), std::string::npos)
      << broken.error().message;
}

TEST_F(Shop, CleansByTheRulesOfItsSettings) {
  Workspace workspace = open();
  std::string lines = "customer_id,product_id,type,time\n";
  for (int i = 0; i < 80; ++i) {
    lines += fmt::format("crawler,p{},view,2026-01-05 10:00:{:02}\n", i, i % 60);
    lines += fmt::format("ann,p{},view,2026-01-05 10:{:02}:00\n", i, i % 60);
  }
  EXPECT_EQ(import(workspace, write("views.csv", lines)).cleaning.bots, 80);
  const auto counted = [&] {
    const auto profile = customers(workspace).find("crawler");
    return profile ? profile->count(events::EventType::view).total : 0;
  };
  EXPECT_EQ(counted(), 0u);
  const auto settings = workspace.folder().settings_file();
  const auto set = [&](const std::string& rules) {
    std::ofstream(settings) << "[cleaning]\n" << rules;
  };
  set("bots = false\n");
  EXPECT_EQ(clean(workspace)->bots, 0);
  EXPECT_EQ(counted(), 80u) << "views count again";
  set("bot_events_per_minute = 200\n");
  EXPECT_EQ(clean(workspace)->bots, 0);
  set("");
  EXPECT_EQ(clean(workspace)->bots, 80);
  EXPECT_EQ(counted(), 0u);
  set("bot_event_per_minute = 200\n");
  const auto wrong = clean(workspace);
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().message.find("attune.toml:2"), std::string::npos);
  EXPECT_NE(wrong.error().message.find("bot_events_per_minute"), std::string::npos);
  set("bots = \"no\"\n");
  EXPECT_FALSE(clean(workspace));
}

TEST_F(Shop, CountsABotsDayOnTheShopsCalendar) {
  {
    Workspace made = open();
    std::ofstream(made.folder().settings_file()) << "time_zone = \"Asia/Shanghai\"\n";
  }
  Workspace workspace = open();
  std::string lines = "customer_id,product_id,type,time\n";
  for (int i = 0; i < 70; ++i)
    lines += fmt::format("crawler,p{},view,2026-01-06 01:00:{:02}\n", i, i % 60);
  // In UTC the burst falls on the 5th, and with it what happened in Shanghai on the day before.
  lines +=
      "crawler,p1,view,2026-01-06 00:10:00\ncrawler,p1,view,2026-01-06 23:50:00\n"
      "crawler,p1,view,2026-01-05 23:50:00\ncrawler,p1,view,2026-01-05 23:51:00\n";
  EXPECT_EQ(import(workspace, write("views.csv", lines)).cleaning.bots, 72);
}

TEST_F(Shop, KeepsWhatVisitorsSayOfThemselves) {
  Workspace workspace = open();
  const std::vector<events::Attribute> traits{{"country", "NO"}};
  events::Event event;
  event.type = events::EventType::identify;
  event.time = Timestamp{1'000'000};
  event.anonymous = "visitor-1";
  event.customer_attributes = traits;
  ASSERT_TRUE(workspace.record(std::span(&event, 1)));
  const auto country = [&](Workspace& shop, std::string_view id) {
    const auto number = shop.identity().find(id).value();
    const auto known =
        number ? shop.identity().traits(*number).value() : std::vector<events::Trait>();
    return known.empty() ? std::string() : known[0].value;
  };
  EXPECT_EQ(country(workspace, "visitor-1"), "NO");

  // They come home from an export, and stay theirs when they say who they are.
  ExportOptions options;
  options.kind = ExportKind::customers;
  options.file = root_ / "people.csv";
  ASSERT_TRUE(export_table(workspace, options, quiet_));
  Workspace again = open(root_ / "again");
  EXPECT_EQ(import(again, options.file, events::Kind::customers).rows_new, 1);
  EXPECT_EQ(import(again, options.file, events::Kind::customers).rows_new, 0);
  EXPECT_EQ(country(again, "visitor-1"), "NO");
  event.customer = "ann";
  event.customer_attributes = {};
  ASSERT_TRUE(again.record(std::span(&event, 1)));
  EXPECT_EQ(country(again, "ann"), "NO");
}

TEST_F(Shop, WritesAPageThatEscapesWhatRowsSay) {
  Workspace workspace = open();
  const ImportResult result =
      import(workspace, write("orders.csv",
                              "order_id,customer_id,product_id,date,quantity,price\n"
                              "1,ann,p1,2026-01-05 10:00:00,1,5\n"
                              "2,ann,<script>alert(1)</script>,2026-01-06 10:00:00,1,0\n"));
  const std::string page = quality_page(result);
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;"), std::string::npos);
  const std::string chinese = quality_page(result, report::Language::zh);
  EXPECT_NE(chinese.find("<html lang=\"zh"), std::string::npos);
  for (const char* word : {"数据质量", "读取行数", "发生了什么", "由 Attune 生成"})
    EXPECT_NE(chinese.find(word), std::string::npos) << word;
  EXPECT_EQ(chinese.find("rows read"), std::string::npos);
}

TEST_F(Shop, TellsAssumptionsInTheLanguageOfThePage) {
  Workspace workspace = open();
  // Semicolons, commas before fractions, ids stored as fractions, days that may be months.
  const ImportResult result =
      import(workspace, write("orders.csv",
                              "order_id;customer_id;product_id;date;quantity;price\n"
                              "1.0;7.0;p1;01/02/2026 10:00;1;5,50\n"
                              "2.0;8.0;p2;03/02/2026 10:00;1;7,25\n"));
  EXPECT_GE(result.report.assumptions.size(), 6u);
  const std::string chinese = quality_page(result, report::Language::zh);
  for (const events::Assumption& one : result.report.assumptions) {
    EXPECT_FALSE(assumption_zh(one).empty()) << one.what;
    EXPECT_EQ(chinese.find(one.why), std::string::npos) << one.why;
  }
  for (const char* word : {"分号", "第一行", "时区", "逗号为小数点", "去掉 .0", "日与月的先后"})
    EXPECT_NE(chinese.find(word), std::string::npos) << word;
  EXPECT_EQ(assumption_zh({"encoding", "GB18030", "guessed"}),
            "**编码**：GB18030——由文件开头的内容推断");
  EXPECT_TRUE(assumption_zh({"something new", "1", "because"}).empty());
}

TEST_F(Shop, TakesWhoIsWhoForNoActivity) {
  Workspace workspace = open();
  import(workspace, write("orders.csv", order_lines(0, 60)));
  const Timestamp last = *workspace.default_as_of();
  ASSERT_LT(last.micros, clock_.now().micros - 2 * kMicrosPerDay);
  import(workspace, write("people.csv", "customer_id,previous_id,time\nc1,c2,\nc3,c4,2026-05-20\n"),
         events::Kind::customers);
  EXPECT_EQ(*workspace.default_as_of(), last);

  // What comes home from an export says the same, and when.
  ExportOptions options;
  options.kind = ExportKind::customers;
  options.file = root_ / "out.csv";
  ASSERT_TRUE(export_table(workspace, options, quiet_));
  std::ifstream file(options.file);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  EXPECT_NE(text.find("c3,,c4,2026-05-20T"), std::string::npos) << text;
  Workspace again = open(root_ / "again");
  import(again, root_ / "orders.csv");
  import(again, options.file, events::Kind::customers);
  EXPECT_EQ(*again.default_as_of(), last);
}

TEST_F(Shop, TellsWhichMoneyCountsInNoSum) {
  {
    Workspace workspace = open();
    std::ofstream(folder() / "attune.toml") << "reporting_currency = \"GBP\"\n";
  }
  Workspace workspace = open();
  const std::string header = "order_id,customer_id,product_id,date,quantity,price\n";
  const ImportResult one =
      import(workspace, write("one.csv", header + "1,ann,p,2026-01-05 10:00:00,1,4.50\n"
                                                  "2,ann,p,2026-01-06 10:00:00,1,€5\n"
                                                  "3,ann,p,2026-01-07 10:00:00,1,€6\n"
                                                  "4,ann,p,2026-01-08 10:00:00,1,$7\n"));
  EXPECT_EQ(one.report.reporting_currency, "GBP");
  EXPECT_EQ(one.report.foreign_amounts,
            (std::map<std::string, std::int64_t>{{"EUR", 2}, {"USD", 1}}));
  EXPECT_EQ(one.report.reasons.at("foreign_currency").count, 3);
  EXPECT_EQ(one.report.reasons.at("currency_assumed").count, 1);
  const std::string text = quality_text(one, {});
  EXPECT_NE(text.find("3 purchases and refunds are in another currency than GBP"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("2 EUR, 1 USD"), std::string::npos) << text;
  EXPECT_NE(text.find("convert"), std::string::npos) << text;
  EXPECT_NE(quality_page(one).find("2 EUR, 1 USD"), std::string::npos);

  // An import tells of its own rows, the shop's report of all, and profiles however often asked.
  const ImportResult two =
      import(workspace, write("two.csv", header + "9,bob,p,2026-01-09 10:00:00,1,4.50\n"));
  EXPECT_TRUE(two.report.foreign_amounts.empty());
  EXPECT_FALSE(two.report.reasons.contains("foreign_currency"));
  const auto shop = shop_quality(workspace);
  ASSERT_TRUE(shop && *shop);
  EXPECT_EQ((*shop)->foreign_amounts, one.report.foreign_amounts);
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(customers(workspace).foreign_amounts().value(), one.report.foreign_amounts);
}

}  // namespace
}  // namespace attune::engine
