#include "attune/engine/models.h"

#include <map>

#include "attune/engine/recommendations.h"
#include "shop.h"

namespace attune::engine {
namespace {

class Trained : public Shop {
 protected:
  void SetUp() override {
    Shop::SetUp();
    workspace_.emplace(open());
    import(*workspace_, write("orders.csv", order_lines(0, 400, 23)));
  }
  void TearDown() override {
    workspace_.reset();
    Shop::TearDown();
  }
  Result<std::vector<ModelMeta>> train_one(const std::string& name) {
    TrainRequest request;
    request.names = {name};
    return train(*workspace_, request, quiet_);
  }
  ModelRegistry registry() const { return ModelRegistry(folder() / "models"); }

  std::optional<Workspace> workspace_;
};

TEST_F(Trained, RecommendsWithReasonsThatNameTheCustomersOwnItems) {
  ASSERT_TRUE(train_one("item_knn"));
  RecommendOptions options;
  options.explain = true;
  options.k = 3;
  auto recommending = Recommending::open(*workspace_, options);
  ASSERT_TRUE(recommending) << recommending.error().message;
  const auto list = recommending->for_customer("c3");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_EQ(list->model, "item_knn");
  EXPECT_FALSE(list->folded_in);
  for (const auto& item : list->items) EXPECT_FALSE(item.reasons.empty());
  const auto unknown = recommending->for_customer("nobody");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::not_found);
}

TEST_F(Trained, FoldsInWhatCameSinceTheFit) {
  ASSERT_TRUE(train_one("item_knn"));
  events::Event event;
  event.type = events::EventType::purchase;
  event.time = Timestamp{1'779'000'000'000'000};
  event.customer = "newcomer";
  event.item = "p1";
  ASSERT_TRUE(workspace_->record(std::span(&event, 1)));
  auto recommending = Recommending::open(*workspace_, {});
  ASSERT_TRUE(recommending);
  const auto list = recommending->for_customer("newcomer");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_TRUE(list->folded_in);
  EXPECT_TRUE(list->personal);
  for (const auto& item : list->items) EXPECT_NE(item.item_id, "p1");
}

TEST_F(Trained, KeepsVersionsAndGoesBackToAnEarlierOne) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(train_one("popularity"));
  const auto models = registry().list();
  ASSERT_TRUE(models);
  EXPECT_EQ(models->size(), static_cast<std::size_t>(ModelRegistry::kVersionsKept));
  EXPECT_EQ(registry().load("popularity")->meta.version, 5);
  ASSERT_TRUE(registry().activate("popularity", 4));
  EXPECT_EQ(registry().load("popularity")->meta.version, 4);
  const auto missing = registry().activate("popularity", 1);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("3, 4, 5"), std::string::npos);
}

TEST_F(Trained, TellsANameThatNoModelHasFromOneThatIsNotTrained) {
  ASSERT_TRUE(train_one("popularity"));
  const std::string unknown = registry().load("iasl").error().message;
  EXPECT_EQ(unknown.find("attune train"), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("did you mean 'ials'"), std::string::npos) << unknown;
  EXPECT_NE(unknown.find("ease"), std::string::npos) << unknown;
  const std::string untrained = registry().load("ease").error().message;
  EXPECT_NE(untrained.find("attune train ease"), std::string::npos) << untrained;
}

TEST_F(Trained, RefusesADamagedModelAndNamesIt) {
  ASSERT_TRUE(train_one("ials"));
  const auto file = folder() / "models" / "ials" / "000001" / "model.bin";
  std::string bytes;
  {
    std::ifstream in(file, std::ios::binary);
    bytes.assign((std::istreambuf_iterator<char>(in)), {});
  }
  for (const std::size_t cut :
       {std::size_t{0}, std::size_t{20}, bytes.size() / 2, bytes.size() - 1}) {
    std::ofstream(file, std::ios::binary) << bytes.substr(0, cut);
    const auto loaded = registry().load("ials");
    ASSERT_FALSE(loaded) << cut;
    EXPECT_EQ(loaded.error().code, ErrorCode::data_corruption) << loaded.error().message;
    EXPECT_NE(loaded.error().message.find("model.bin"), std::string::npos);
  }
  std::ofstream(file, std::ios::binary) << bytes;
  EXPECT_TRUE(registry().load("ials"));
}

events::Event bought(std::string_view customer, std::string_view item) {
  events::Event event;
  event.type = events::EventType::purchase;
  event.time = Timestamp{1'779'000'000'000'000};
  event.customer = customer;
  event.item = item;
  return event;
}

TEST_F(Trained, LeavesACustomerWhoChangedOutOfTheirOwnNeighbours) {
  // Nobody but ann ever bought this one.
  const events::Event before[] = {bought("ann", "p1"), bought("ann", "unique")};
  ASSERT_TRUE(workspace_->record(before));
  ASSERT_TRUE(train_one("user_knn"));
  const events::Event since = bought("ann", "p2");
  ASSERT_TRUE(workspace_->record(std::span(&since, 1)));
  RecommendOptions options;
  options.include_seen = true;
  options.k = 100;
  auto recommending = Recommending::open(*workspace_, options);
  ASSERT_TRUE(recommending) << recommending.error().message;
  const auto list = recommending->for_customer("ann");
  ASSERT_TRUE(list) << list.error().message;
  EXPECT_TRUE(list->folded_in);
  EXPECT_FALSE(list->items.empty());
  for (const RecommendedItem& item : list->items) EXPECT_NE(item.item_id, "unique");
}

TEST_F(Shop, SeesAnItemThatWasEditedLongAfterTheLastEvent) {
  Workspace workspace = open();
  import(workspace, write("orders.csv", order_lines(0, 100, 23)));
  TrainRequest request;
  request.names = {"item_knn"};
  ASSERT_TRUE(train(workspace, request, quiet_));
  import(workspace,
         write("items.csv", "item_id,valid_from,name\np1,2026-05-28 09:00:00,Renamed today\n"),
         events::Kind::items);
  RecommendOptions options;
  options.where = "name == \"Renamed today\"";
  options.include_seen = true;
  auto recommending = Recommending::open(workspace, options);
  ASSERT_TRUE(recommending) << recommending.error().message;
  const auto list = recommending->for_customer("c3");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->items.size(), 1U);
  EXPECT_EQ(list->items[0].item_name, "Renamed today");
}

TEST_F(Trained, SaysWhatAListRestsOn) {
  const events::Event island[] = {bought("ann", "lone1"), bought("bob", "lone1"),
                                  bought("bob", "lone2")};
  ASSERT_TRUE(workspace_->record(island));
  import(*workspace_, write("items.csv", "item_id,brand\np1,mainland\np2,mainland\n"),
         events::Kind::items);
  ASSERT_TRUE(train_one("item_knn"));
  ASSERT_TRUE(train_one("popularity"));
  const events::Event stranger = bought("eve", "came later");
  ASSERT_TRUE(workspace_->record(std::span(&stranger, 1)));
  const auto basis_of = [&](const char* customer, const char* model, const char* where) {
    RecommendOptions options;
    options.model = model;
    options.where = where;
    auto recommending = Recommending::open(*workspace_, options);
    EXPECT_TRUE(recommending);
    return std::string(name(recommending->for_customer(customer)->basis));
  };
  EXPECT_EQ(basis_of("ann", "item_knn", ""), "taste");
  // Those who bought what she bought never bought any of these.
  EXPECT_EQ(basis_of("ann", "item_knn", "brand == \"mainland\""), "nothing_near");
  EXPECT_EQ(basis_of("ann", "popularity", ""), "same_for_all");
  EXPECT_EQ(basis_of("eve", "item_knn", ""), "nothing_known");
}

TEST_F(Trained, LooksAtNothingOfACustomerWhoDoesNotAllowPersonalisation) {
  ASSERT_TRUE(train_one("item_knn"));
  events::Event no = bought("c3", "");
  no.type = events::EventType::consent_withdrawn;
  ASSERT_TRUE(workspace_->record(std::span(&no, 1)));
  auto recommending = Recommending::open(*workspace_, {});
  ASSERT_TRUE(recommending);
  const auto alone = recommending->for_customer("c3");
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_EQ(name(alone->basis), "not_allowed");
  EXPECT_FALSE(alone->personal);
  EXPECT_NE(name(recommending->for_customer("c5")->basis), "not_allowed");
  const CustomerNumber refusing = *workspace_->identity().find("c3").value();
  std::vector<std::string> listed, expected;
  for (const RecommendedItem& item : alone->items) expected.push_back(item.item_id);
  ASSERT_TRUE(recommending->for_everybody(
      [&](CustomerNumber customer, std::span<const RecommendedItem> items) -> Status {
        if (customer != refusing) return {};
        for (const RecommendedItem& item : items) listed.push_back(item.item_id);
        return {};
      },
      nullptr));
  EXPECT_FALSE(expected.empty());
  EXPECT_EQ(listed, expected);
}

TEST_F(Trained, GivesEverybodyTheListThatTheyWouldGetAlone) {
  ASSERT_TRUE(train_one("item_knn"));
  events::Event merged = bought("c2", "");
  merged.type = events::EventType::alias;
  merged.anonymous = "c4";  // the id before
  const events::Event since[] = {bought("newcomer", "p1"), bought("c3", "p4"), merged};
  ASSERT_TRUE(workspace_->record(since));
  RecommendOptions options;
  options.explain = true;
  options.k = 4;
  auto recommending = Recommending::open(*workspace_, options);
  ASSERT_TRUE(recommending);
  std::map<CustomerNumber, std::vector<RecommendedItem>> lists;
  ASSERT_TRUE(recommending->for_everybody(
      [&](CustomerNumber customer, std::span<const RecommendedItem> items) -> Status {
        EXPECT_TRUE(lists.try_emplace(customer, items.begin(), items.end()).second);
        return {};
      }));
  for (const auto& [customer, items] : lists) {
    const auto alone = recommending->for_history(customer);
    ASSERT_TRUE(alone);
    ASSERT_EQ(items.size(), alone->items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      EXPECT_EQ(items[i].item_id, alone->items[i].item_id);
      ASSERT_FALSE(items[i].reasons.empty());
      EXPECT_EQ(items[i].reasons[0].text, alone->items[i].reasons[0].text);
    }
  }
  EXPECT_TRUE(lists.contains(workspace_->identity().find("newcomer")->value()));
  EXPECT_EQ(lists.size(), 23U);  // c2 and c4 are one, and the newcomer
  const auto rows = recommending->write_all(root_ / "all.csv", store::TableFormat::csv, quiet_);
  ASSERT_TRUE(rows);
  std::ifstream file(root_ / "all.csv");
  std::string header, first;
  std::getline(file, header);
  std::getline(file, first);
  EXPECT_EQ(header, "customer_id,rank,item_id,item_name,score,reasons");
  EXPECT_NE(first.find("because of"), std::string::npos) << first;
}

TEST_F(Trained, NamesTheNearestRecommenderParameterAndModel) {
  const auto recommender = train_one("item_nn");
  ASSERT_FALSE(recommender);
  EXPECT_NE(recommender.error().message.find("item_knn"), std::string::npos);
  TrainRequest request;
  request.names = {"ials"};
  request.settings = {*parse_setting("ials.factor=8")};
  const auto parameter = train(*workspace_, request, quiet_);
  ASSERT_FALSE(parameter);
  EXPECT_NE(parameter.error().message.find("factors"), std::string::npos);
  const auto model = registry().load("ials");
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("attune train"), std::string::npos);
  EXPECT_FALSE(parse_setting("factors=8"));
}

TEST_F(Trained, RemovesWhatACrashLeftHalfWritten) {
  std::filesystem::create_directories(folder() / "models" / "ials" / ".part-000001");
  EXPECT_EQ(registry().remove_leftovers().value(), 1);
  EXPECT_TRUE(registry().list()->empty());
}

}  // namespace
}  // namespace attune::engine
