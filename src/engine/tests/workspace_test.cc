#include "attune/engine/workspace.h"

#include "attune/engine/admin.h"
#include "shop.h"

namespace attune::engine {
namespace {

using events::Event;
using events::EventType;

Event view(std::string_view customer, std::string_view anonymous, std::string_view item,
           std::int64_t second) {
  Event event;
  event.type = EventType::view;
  event.time = Timestamp{1'779'000'000'000'000 + second * kMicrosPerSecond};
  event.customer = customer;
  event.anonymous = anonymous;
  event.item = item;
  return event;
}

TEST_F(Shop, KnowsAFileThatComesAgainAndTheRowsThatOverlap) {
  Workspace workspace = open();
  const auto week1 = write("week1.csv", order_lines(0, 120));
  const auto week2 = write("week2.csv", order_lines(90, 120));
  EXPECT_EQ(import(workspace, week1).rows_new, 120);
  const ImportResult again = import(workspace, week1);
  EXPECT_EQ(again.rows_new, 0);
  EXPECT_EQ(again.rows_known, 120);
  const ImportResult next = import(workspace, week2);
  EXPECT_EQ(next.rows_new, 90);
  EXPECT_EQ(next.rows_known, 30);
  EXPECT_EQ(workspace.history().find_int64("SELECT count(*) FROM events").value(), 210);
}

// Equal but for the last digits of fractions, whose sums depend on their order.
void expect_same(const std::string& a, const std::string& b) {
  const auto fraction = [](const std::string& text, std::size_t& at) {
    const char* begin = text.data() + at;
    char* end = nullptr;
    const double value = std::strtod(begin, &end);
    at += static_cast<std::size_t>(end - begin);
    return value;
  };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    const bool number = a[i] >= '0' && a[i] <= '9' && b[j] >= '0' && b[j] <= '9';
    if (number) {
      const std::size_t from = i;
      const double x = fraction(a, i), y = fraction(b, j);
      ASSERT_NEAR(x, y, 1e-9 * std::max(1.0, x)) << a.substr(from < 60 ? 0 : from - 60, 120);
    } else {
      ASSERT_EQ(a[i], b[j]) << a.substr(i < 60 ? 0 : i - 60, 120);
      ++i, ++j;
    }
  }
  EXPECT_EQ(a.size() - i, b.size() - j);
}

TEST_F(Shop, GivesTheSameProfilesWhateverTheOrderOfImportsAndTheMomentOfFolding) {
  const auto week1 = write("week1.csv", order_lines(0, 150));
  const auto week2 = write("week2.csv", order_lines(150, 150));
  std::string folded_between, folded_once, reversed;
  {
    Workspace workspace = open(root_ / "a");
    import(workspace, week1);
    all_profiles(workspace);
    import(workspace, week2);
    folded_between = all_profiles(workspace);
  }
  {
    Workspace workspace = open(root_ / "b");
    import(workspace, week1);
    import(workspace, week2);
    folded_once = all_profiles(workspace);
  }
  EXPECT_EQ(folded_between, folded_once);
  EXPECT_NE(folded_once.find("\"frequency\""), std::string::npos);
  {
    Workspace workspace = open(root_ / "c");
    import(workspace, week2);
    all_profiles(workspace);
    import(workspace, week1);  // late events
    reversed = all_profiles(workspace);
  }
  // Numbers of customers follow the journal, so profiles come in another order; each is the same
  // but for that number.
  const auto without_numbers = [](std::string text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      std::string line = text.substr(at, end - at);
      const std::size_t number = line.find("\"customer\":");
      if (number != std::string::npos) line.erase(number, line.find(',', number) - number);
      lines.push_back(line.substr(0, line.find("\"recent_items\"")));
      at = end + 1;
    }
    std::ranges::sort(lines);
    return lines;
  };
  const auto late = without_numbers(reversed), at_once = without_numbers(folded_once);
  ASSERT_EQ(late.size(), at_once.size());
  for (std::size_t i = 0; i < late.size(); ++i) expect_same(late[i], at_once[i]);
}

TEST_F(Shop, JoinsAnAnonymousVisitorWithTheCustomerTheyTurnOutToBeAndTakesItBack) {
  Workspace workspace = open();
  const Event before[] = {view("", "device-1", "p1", 1), view("", "device-1", "p2", 2),
                          view("ann", "", "p3", 3)};
  ASSERT_TRUE(workspace.record(before));
  {
    Customers everybody = customers(workspace);
    EXPECT_EQ(everybody.count().value(), 2);
  }
  Event identify = view("ann", "device-1", "", 4);
  identify.type = EventType::identify;
  ASSERT_TRUE(workspace.record(std::span(&identify, 1)));
  {
    Customers everybody = customers(workspace);
    EXPECT_EQ(everybody.count().value(), 1);
    EXPECT_EQ(everybody.find("ann")->count(EventType::view).total, 3u);
    EXPECT_EQ(everybody.find("device-1")->customer, everybody.find("ann")->customer);
  }
  ASSERT_TRUE(workspace.separate("device-1"));
  Customers everybody = customers(workspace);
  EXPECT_EQ(everybody.find("ann")->count(EventType::view).total, 1u);
  EXPECT_EQ(everybody.find("device-1")->count(EventType::view).total, 2u);
  const auto unknown = workspace.separate("nobody");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
  EXPECT_EQ(workspace.separate("ann").error().code, ErrorCode::failed_precondition);
}

TEST_F(Shop, LeavesASharedDeviceWithItsFirstOwner) {
  Workspace workspace = open();
  const Event events[] = {view("ann", "tablet", "p1", 1), view("bob", "tablet", "p2", 2),
                          view("", "tablet", "p3", 3)};
  ASSERT_TRUE(workspace.record(events));
  Customers everybody = customers(workspace);
  EXPECT_EQ(everybody.find("ann")->count(EventType::view).total, 2u);
  EXPECT_EQ(everybody.find("bob")->count(EventType::view).total, 1u);
}

TEST_F(Shop, CountsALateRetryOnce) {
  Workspace workspace = open();
  Event event = view("ann", "", "p1", 1);
  event.event_id = "message-1";
  ASSERT_TRUE(workspace.record(std::span(&event, 1)));
  event.time.micros += 5;  // sent again, stamped anew
  ASSERT_TRUE(workspace.record(std::span(&event, 1)));
  EXPECT_EQ(workspace.history().find_int64("SELECT count(*) FROM events").value(), 1);
}

TEST_F(Shop, CatchesUpAStoreThatFellBehindAndComesToTheSameState) {
  const auto state_file = folder() / "state.sqlite";
  const auto history_file = folder() / "history.duckdb";
  const Event first[] = {view("ann", "a1", "p1", 1), view("", "a2", "p2", 2)};
  const Event second[] = {view("bob", "a2", "p3", 3), view("cem", "", "p1", 4)};
  {
    Workspace workspace = open();
    ASSERT_TRUE(workspace.record(first));
  }
  std::filesystem::copy_file(state_file, root_ / "old-state");
  std::filesystem::copy_file(history_file, root_ / "old-history");
  std::string expected;
  {
    Workspace workspace = open();
    ASSERT_TRUE(workspace.record(second));
    expected = all_profiles(workspace);
  }
  for (const auto& [file, old] :
       {std::pair(state_file, "old-state"), std::pair(history_file, "old-history")}) {
    for (const char* rest : {"", "-wal", "-shm", ".wal"})
      std::filesystem::remove(file.string() + rest);
    std::filesystem::copy_file(root_ / old, file);
    Workspace workspace = open();
    EXPECT_EQ(all_profiles(workspace), expected) << old;
    EXPECT_EQ(workspace.history().find_int64("SELECT count(*) FROM events").value(), 4);
  }
}

TEST_F(Shop, TellsASecondProcessWhoHasTheFolder) {
  Workspace workspace = open();
  WorkspaceOptions options;
  const auto second = Workspace::open(folder(), options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos);
}

TEST_F(Shop, ComesBackFromABackupAndMissesItsKeysWhereTheyWereLeftOut) {
  std::string before;
  {
    Workspace workspace = open();
    import(workspace, write("orders.csv", order_lines(0, 90)));
    before = all_profiles(workspace);
    ASSERT_TRUE(back_up(workspace, root_ / "with.attune", true, quiet_));
    ASSERT_TRUE(back_up(workspace, root_ / "without.attune", false, quiet_));
  }
  ASSERT_TRUE(restore_folder(root_ / "with.attune", root_ / "again", quiet_));
  {
    Workspace workspace = open(root_ / "again");
    EXPECT_EQ(all_profiles(workspace), before);
  }
  ASSERT_TRUE(restore_folder(root_ / "without.attune", root_ / "sealed", quiet_));
  const auto sealed = Workspace::open(root_ / "sealed", {});
  ASSERT_FALSE(sealed);
  EXPECT_NE(sealed.error().message.find("keys"), std::string::npos) << sealed.error().message;
  std::filesystem::copy(root_ / "again" / "keys", root_ / "sealed" / "keys",
                        std::filesystem::copy_options::recursive);
  Workspace workspace = open(root_ / "sealed");
  EXPECT_EQ(all_profiles(workspace), before);
}

TEST_F(Shop, RemovesAStagedImportThatTheJournalDoesNotName) {
  {
    Workspace workspace = open();
  }
  std::filesystem::create_directories(folder() / "imports" / "000009");
  write("shop/imports/000009/rows-00000.bin", "half");
  Workspace workspace = open();
  EXPECT_FALSE(std::filesystem::exists(folder() / "imports" / "000009"));
}

TEST_F(Shop, CountsWhatHappenedAndNotWhatWasStatedOfItemsAndCustomers) {
  Workspace workspace = open();
  import(workspace, write("orders.csv", order_lines(0, 60)));
  const ShopStatus before = read_status(workspace).value();
  import(workspace, write("items.csv", "item_id,name\np1,One\np2,Two\n"), events::Kind::items);
  import(workspace, write("customers.csv", "customer_id,city\nc1,York\n"), events::Kind::customers);
  import(workspace, write("joined.csv", "customer_id,previous_id\nc1,once\n"),
         events::Kind::customers);
  const ShopStatus after = read_status(workspace).value();
  EXPECT_EQ(before.events, 60);
  EXPECT_EQ(after.events, 60);
  ASSERT_TRUE(after.first_time && after.last_time);
  EXPECT_EQ(format_iso(*after.first_time).substr(0, 4), "2026");
  EXPECT_EQ(after.first_time, before.first_time);
  EXPECT_EQ(after.last_time, before.last_time);
}

TEST_F(Shop, RefusesToSumCurrenciesAndNamesTheRemedy) {
  Workspace workspace = open();
  import(workspace,
         write("two.csv",
               "order_id,customer_id,product_id,date,quantity,price,currency\n"
               "1,a,p,2026-01-01 10:00:00,1,5.00,GBP\n2,a,p,2026-01-02 10:00:00,1,5.00,EUR\n"));
  const auto opened = Customers::open(workspace, {}, quiet_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("reporting_currency"), std::string::npos);
}

TEST_F(Shop, RefusesAReportingCurrencyThatThereIsNotUnlessEventsWereTakenInIt) {
  const auto state = [&](std::string_view code) {
    std::ofstream(folder() / "attune.toml") << "reporting_currency = \"" << code << "\"\n";
    WorkspaceOptions options;
    options.clock = &clock_;
    return Workspace::open(folder(), options);
  };
  {
    Workspace workspace = open();
    Event bought = view("ann", "", "lamp", 1);
    bought.type = EventType::purchase;
    bought.value_minor = 500;
    bought.currency = *Currency::of_stored("BTC");  // as an earlier program took it
    ASSERT_TRUE(workspace.record(std::vector<Event>{bought}));
  }
  const auto refused = state("GPB");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("attune.toml: reporting_currency: unknown currency 'GPB'; "
                                         "did you mean 'GBP'?"),
            std::string::npos)
      << refused.error().message;
  auto opened = state("BTC");
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened->reporting_currency())->to_string(), "BTC");
}

}  // namespace
}  // namespace attune::engine
