#include "attune/engine/export.h"

#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "shop.h"

namespace attune::engine {
namespace {

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

TEST_F(Shop, ExportsEventsWithoutItemsThatComeBackAsMany) {
  Workspace workspace = open();
  const auto views = write("views.jsonl",
                           R"({"type":"view","customer_id":"ann","time":"2026-01-05T10:00:00Z"}
{"type":"view","customer_id":"ann","item_id":"p1","time":"2026-01-05T10:01:00Z"}
{"type":"search","customer_id":"bob","text":"lamp","time":"2026-01-05T10:02:00Z"}
{"type":"rating","customer_id":"bob","item_id":"p1","rating":4,"time":"2026-01-05T10:03:00Z"}
)");
  ImportRequest request;
  request.files = {views};
  request.map = "item.optional=true";
  const auto preview = preview_import(request, views);
  ASSERT_TRUE(preview);
  ASSERT_TRUE(run_import(workspace, request, {preview->mapping}, quiet_));
  for (const char* name : {"out.csv", "out.jsonl", "out.parquet"}) {
    ExportOptions options;
    options.kind = ExportKind::events;
    options.format = std::string_view(name).ends_with("csv")     ? store::TableFormat::csv
                     : std::string_view(name).ends_with("jsonl") ? store::TableFormat::jsonl
                                                                 : store::TableFormat::parquet;
    options.file = root_ / name;
    ASSERT_TRUE(export_table(workspace, options, quiet_));
    Workspace again = open(root_ / (std::string("again-") + name));
    const ImportResult back = import(again, options.file);
    EXPECT_EQ(back.rows_new, 4) << name;
    EXPECT_EQ(back.report.rows_quarantined, 0) << name;
    EXPECT_EQ(import(workspace, options.file).rows_known, 4) << name;
  }
}

TEST_F(Shop, ExportsWhoIsCalledOtherwiseByNow) {
  Workspace workspace = open();
  import(workspace, write("orders.csv",
                          "customer_id,product_id,date,quantity,price\n"
                          "ann@work,p1,2026-01-05 10:00:00,2,4.50\n"
                          "ann,p2,2026-01-06 10:00:00,1,3.00\n"));
  const auto people = write("people.csv", "customer_id,previous_id,city\nann,ann@work,York\n");
  ImportRequest request;
  request.kind = events::Kind::customers;
  const auto preview = preview_import(request, people);
  ASSERT_TRUE(preview);
  EXPECT_NE(preview->explanation.find("customer.city"), std::string::npos) << preview->explanation;
  EXPECT_EQ(preview->explanation.find("not used"), std::string::npos) << preview->explanation;
  EXPECT_EQ(import(workspace, people, events::Kind::customers).rows_new, 1);
  EXPECT_EQ(import(workspace, people, events::Kind::customers).rows_new, 0);
  EXPECT_EQ(customers(workspace).find("ann@work")->frequency, 2);
  EXPECT_EQ(workspace.identity().traits(*workspace.identity().find("ann").value())->size(), 1u);

  const ImportResult both = import(
      workspace, write("both.csv", "customer_id,anonymous_id,previous_id\nann,phone,ann@home\n"),
      events::Kind::customers);
  EXPECT_EQ(both.report.rows_quarantined, 1);
  EXPECT_EQ(both.report.reasons.count("two_ids"), 1u);
  EXPECT_NE(std::ranges::find(events::reason_codes(), "two_ids", &events::ReasonInfo::code),
            events::reason_codes().end());

  Workspace again = open(root_ / "again");
  for (const auto kind : {ExportKind::customers, ExportKind::events}) {
    ExportOptions options;
    options.kind = kind;
    options.file = root_ / "out.csv";
    ASSERT_TRUE(export_table(workspace, options, quiet_));
    import(again, options.file,
           kind == ExportKind::customers ? events::Kind::customers : events::Kind::events);
  }
  EXPECT_EQ(customers(again).find("ann@work")->frequency, 2);
  EXPECT_EQ(customers(again).find("ann")->monetary_cents, 1200);
}

// Everything that the catalogue says as of `time`.
std::string catalogue(Workspace& workspace, Timestamp time) {
  std::string text;
  const catalog::CatalogSnapshot snapshot = workspace.catalog().snapshot(time).value();
  std::map<std::string, const catalog::Item*> by_id;
  for (const catalog::Item& item : snapshot.items()) by_id[item.id] = &item;
  for (const auto& [id, item] : by_id) {
    text += fmt::format("{}: {} [{}] {} {} {}", id, item->name, fmt::join(item->categories, "+"),
                        item->brand, item->price_minor.value_or(-1), item->currency.to_string());
    for (const auto& attribute : item->attributes)
      text += fmt::format(" {}={}", attribute.name, attribute.value);
    text += "\n";
  }
  return text;
}

TEST_F(Shop, ExportsItemsThatComeBackWithEveryValue) {
  using Attributes = std::vector<events::Attribute>;
  Workspace workspace = open();
  const auto say = [&](events::EventType type, std::string_view item, std::int64_t seconds,
                       const Attributes& attributes) {
    events::Event event;
    event.type = type;
    event.time = Timestamp{seconds * 1'000'000};
    event.customer = "ann";
    event.item = item;
    event.item_attributes = attributes;
    ASSERT_TRUE(workspace.record(std::span(&event, 1)));
  };
  constexpr auto kChanged = events::EventType::item_changed;
  constexpr auto kView = events::EventType::view;
  say(kView, "p1", 5'000, Attributes{{"name", "Lamp"}, {"category", "light"}, {"maker", "Ann"}});
  say(kView, "p2", 5'000, Attributes{{"name", "Rug"}, {"brand", "Loom"}});
  say(kChanged, "p1", 0, Attributes{{"category", "Gifts"}, {"category", "Kitchen"}});
  say(kChanged, "p1", 9'000, Attributes{{"colour", "red"}, {"colour", "blue|green\\"}});
  say(kChanged, "p2", 9'000,
      Attributes{{"name", "Carpet"}, {"price", "1250"}, {"currency", "GBP"}});
  // Of two events of one moment the later holds.
  say(kChanged, "p3", 9'000, Attributes{{"category", "old"}});
  say(kChanged, "p3", 9'000, Attributes{{"category", "new"}});
  say(kView, "p4", 9'000, {});  // of which nothing is said
  for (const std::string format : {"csv", "jsonl", "parquet"}) {
    Workspace again = open(root_ / ("again-" + format));
    ExportOptions options;
    options.kind = ExportKind::items;
    options.format = format == "csv"     ? store::TableFormat::csv
                     : format == "jsonl" ? store::TableFormat::jsonl
                                         : store::TableFormat::parquet;
    options.file = root_ / ("items." + format);
    ASSERT_TRUE(export_table(workspace, options, quiet_));
    import(again, options.file, events::Kind::items);
    for (const std::int64_t seconds : {1, 8'000, 10'000}) {
      const Timestamp time{seconds * 1'000'000};
      EXPECT_EQ(catalogue(again, time), catalogue(workspace, time)) << format << " " << seconds;
    }
    EXPECT_EQ(import(again, options.file, events::Kind::items).rows_new, 0) << format;
  }
  EXPECT_NE(catalogue(workspace, clock_.now()).find("p1: Lamp [Gifts+Kitchen]"), std::string::npos)
      << catalogue(workspace, clock_.now());
}

TEST_F(Shop, ExportsProfilesOfASegmentThatThereIs) {
  Workspace workspace = open();
  import(workspace, write("orders.csv", order_lines(0, 60)));
  ExportOptions options;
  options.kind = ExportKind::profiles;
  options.file = root_ / "profiles.csv";
  options.segment = "new customer";
  const auto wrong = export_table(workspace, options, quiet_);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::not_found);
  EXPECT_NE(wrong.error().message.find("'new customers'"), std::string::npos);
  options.segment = "new customers";
  EXPECT_TRUE(export_table(workspace, options, quiet_));
}

}  // namespace
}  // namespace attune::engine
