#include "attune/engine/models.h"

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
