#include "attune/engine/import.h"

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
  const auto preview = preview_import(workspace, request, file);
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

TEST_F(Shop, ExportsEventsThatComeBackToTheSameProfiles) {
  Workspace workspace = open();
  import(workspace, write("orders.csv", order_lines(0, 200)));
  const std::string before = all_profiles(workspace);
  Workspace again = open(root_ / "again");
  for (const auto kind : {ExportKind::items, ExportKind::customers, ExportKind::events}) {
    ExportOptions options;
    options.kind = kind;
    options.file = root_ / "out.csv";
    ASSERT_TRUE(export_table(workspace, options, quiet_));
    const auto as = kind == ExportKind::items       ? events::Kind::items
                    : kind == ExportKind::customers ? events::Kind::customers
                                                    : events::Kind::events;
    import(again, options.file, as);
  }
  Customers one = customers(workspace);
  Customers two = customers(again);
  for (int i = 0; i < 7; ++i) {
    const std::string id = "c" + std::to_string(i);
    const auto a = one.find(id);
    const auto b = two.find(id);
    ASSERT_TRUE(a && b);
    EXPECT_EQ(a->frequency, b->frequency);
    EXPECT_EQ(a->monetary_cents, b->monetary_cents);
    EXPECT_EQ(a->recency_days, b->recency_days);
    EXPECT_EQ(a->categories.size(), b->categories.size());
  }
  EXPECT_FALSE(before.empty());
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
}

}  // namespace
}  // namespace attune::engine
