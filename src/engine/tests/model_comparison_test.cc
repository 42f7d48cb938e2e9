// Whether a training takes the current version's place.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/engine/recommendations.h"
#include "shop.h"

namespace attune::engine {
namespace {

// Three groups of customers, each with ten items of its own, "a0" to "c9": some meet all ten, some
// the first five, whom the last five are recommended to.
class Compared : public Shop {
 protected:
  void SetUp() override {
    Shop::SetUp();
    workspace_.emplace(open());
  }
  void TearDown() override {
    workspace_.reset();
    Shop::TearDown();
  }

  // Purchases of items `from` to `until` of group `g`, a second apart from the last ones.
  void buy(const std::string& customer, int g, int from, int until) {
    for (int i = from; i < until; ++i) {
      names_.push_back(customer);
      names_.push_back(fmt::format("{}{}", "abc"[g % 3], i));
    }
  }
  void all(int people) {
    for (int c = 0; c < people; ++c) buy(fmt::format("all-{}", c), c, 0, 10);
  }
  void half(int from, int until) {
    for (int c = 0; c < 30; ++c) buy(fmt::format("half-{}", c), c, from, until);
  }
  // Who meet the first half of one group with the second of the next: what they teach is wrong for
  // everybody else.
  void misleading(int people) {
    for (int c = 0; c < people; ++c) {
      buy(fmt::format("wrong-{}", c), c, 0, 5);
      buy(fmt::format("wrong-{}", c), c + 1, 5, 10);
    }
  }
  void happen() {
    std::vector<events::Event> bought(names_.size() / 2);
    for (std::size_t i = 0; i < bought.size(); ++i) {
      bought[i].type = events::EventType::purchase;
      bought[i].time = Timestamp{clock_.now().micros + (next_++ - 100'000) * kMicrosPerSecond};
      bought[i].customer = names_[2 * i];
      bought[i].item = names_[2 * i + 1];
    }
    ASSERT_TRUE(workspace_->record(bought));
    names_.clear();
  }
  void happen_after_now() {
    next_ = std::max<std::int64_t>(next_, 100'001);
    happen();
  }

  ModelMeta train_one(bool keep_worse_aside = true, std::vector<std::string> settings = {}) {
    TrainRequest request;
    request.names = {"ials"};
    request.settings = {*parse_setting("ials.factors=16")};
    for (const std::string& text : settings) request.settings.push_back(*parse_setting(text));
    request.threads = 1;
    request.keep_worse_aside = keep_worse_aside;
    const auto made = train(*workspace_, request, quiet_);
    if (!made) ADD_FAILURE() << to_string(made.error());
    return made ? made->front() : ModelMeta();
  }
  static std::string warnings(const ModelMeta& meta) {
    return fmt::format("{}", fmt::join(meta.warnings, "; "));
  }
  ModelRegistry registry() const { return ModelRegistry(folder() / "models"); }
  int serves() const { return registry().load("ials")->meta.version; }

  std::optional<Workspace> workspace_;
  std::vector<std::string> names_;
  std::int64_t next_ = 0;
};

// As a schedule trains: with the parameters of the version that serves.
TEST_F(Compared, KeepsAModelAsideThatLearnedWrongSinceTheServingOne) {
  all(30);
  half(0, 5);
  happen();
  EXPECT_TRUE(train_one().current);
  misleading(90);
  happen_after_now();
  half(5, 10);  // the newest tenth
  happen();
  const ModelMeta second = train_one();
  EXPECT_FALSE(second.current);
  EXPECT_NE(warnings(second).find("kept aside: on the newest tenth"), std::string::npos)
      << warnings(second);
  EXPECT_EQ(serves(), 1);
}

TEST_F(Compared, ReplacesAModelByOneThatLearnedMore) {
  all(30);
  half(0, 5);
  happen();
  EXPECT_TRUE(train_one().current);
  all(120);
  happen_after_now();
  half(5, 10);
  happen();
  EXPECT_TRUE(train_one().current);
  EXPECT_EQ(serves(), 2);
}

TEST_F(Compared, ComparesParametersWhereTheServingModelKnowsTheNewestEvents) {
  all(30);
  half(0, 5);
  happen();
  half(5, 10);
  happen();
  EXPECT_TRUE(train_one().current);
  const ModelMeta worse = train_one(true, {"ials.factors=1", "ials.iterations=1"});
  EXPECT_FALSE(worse.current) << warnings(worse);
  EXPECT_TRUE(train_one().current) << "the same as what serves";
  EXPECT_EQ(serves(), 3);
}

TEST_F(Compared, KeepsAModelAsideThatLearnedFromLessThanHalf) {
  import(*workspace_, write("orders.csv", order_lines(0, 400, 23)));
  EXPECT_TRUE(train_one().current);
  workspace_.reset();
  for (const char* ending : {"", ".wal"})
    std::filesystem::remove(folder() / (std::string("history.duckdb") + ending));
  workspace_.emplace(open());
  all(3);
  happen_after_now();
  const ModelMeta second = train_one();
  EXPECT_FALSE(second.current);
  EXPECT_NE(warnings(second).find("learned from 30 interactions"), std::string::npos)
      << warnings(second);
  EXPECT_TRUE(train_one(false).current) << "who asks for it gets it";
}

TEST_F(Compared, StaysWithAVersionActivatedByHand) {
  all(30);
  half(0, 5);
  happen();
  half(5, 10);
  happen();
  EXPECT_TRUE(train_one().current);
  EXPECT_TRUE(train_one().current);
  ASSERT_TRUE(registry().activate("ials", 1));
  EXPECT_TRUE(registry().list()->back().held);
  const ModelMeta third = train_one();
  EXPECT_FALSE(third.current);
  EXPECT_NE(warnings(third).find("version 1 was made current by hand"), std::string::npos)
      << warnings(third);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(train_one().current);
  EXPECT_EQ(serves(), 1) << "kept, though three newer ones are there";
  ASSERT_TRUE(registry().activate("ials", 7));
  EXPECT_FALSE(train_one().current) << "another was activated: that one stays";
  EXPECT_EQ(serves(), 7);
  EXPECT_TRUE(train_one(false).current);
  EXPECT_TRUE(train_one().current) << "nothing is held any more";
}

TEST_F(Compared, ReplacesAVersionActivatedByHandOnceOneBeatsIt) {
  half(0, 5);  // of whose other items it knows nothing
  happen();
  EXPECT_TRUE(train_one().current);
  ASSERT_TRUE(registry().activate("ials", 1));
  all(120);
  happen_after_now();
  half(5, 10);
  happen();
  const ModelMeta second = train_one();
  EXPECT_TRUE(second.current) << warnings(second);
  EXPECT_FALSE(registry().list()->front().held);
}

}  // namespace
}  // namespace attune::engine
