#include "attune/engine/report_page.h"

#include <sstream>

#include "../report_words.h"
#include "attune/engine/leaderboard_view.h"
#include "shop.h"

namespace attune::engine {
namespace {

class ReportPage : public Shop {
 protected:
  std::string page(const ReportOptions& options) {
    Workspace workspace = open();
    import(workspace, write("orders.csv", order_lines(0, 400, 40)));
    const Status written = write_report(workspace, options, root_ / "page.html", quiet_);
    EXPECT_TRUE(written) << written.error().message;
    std::ostringstream text;
    text << std::ifstream(root_ / "page.html").rdbuf();
    return text.str();
  }
  static bool holds(const std::string& page, std::string_view text) {
    return page.find(text) != std::string::npos;
  }
};

TEST_F(ReportPage, TellsOfTheScoresThatWereAskedFor) {
  ReportOptions options;
  options.seeds = 0;
  options.profiles.rfm.k = 3;
  const std::string text = page(options);
  EXPECT_TRUE(holds(text, "the best 1/3 of the buyers scores 3"));
  EXPECT_FALSE(holds(text, "scores 5"));
}

TEST_F(ReportPage, SpeaksChineseOfStagesTiersSegmentsAndKinds) {
  ReportOptions options;
  options.seeds = 0;
  options.language = "zh";
  const std::string text = page(options);
  for (const profiles::Segment& segment : profiles::ready_segments())
    EXPECT_TRUE(holds(text, ready_segment_zh(segment.name))) << segment.name;
  EXPECT_TRUE(holds(text, name_zh(profiles::ValueTier::high)));
  for (const char* english : {">champions<", ">active<", ">at_risk<", ">lapsed<", ">top<",
                              "than the average", "x the average", "on average (all"})
    EXPECT_FALSE(holds(text, english)) << english;
}

TEST_F(ReportPage, ComparesRecommendersOnAPageOfTheirOwn) {
  recommend::Leaderboard board;
  board.split = "leave-one-out";
  board.candidates = "full";
  board.customers_tested = 1234;
  board.items = 50;
  board.seeds = {1, 2};
  board.k = {5, 10};
  recommend::LeaderboardRow row;
  row.recommender = "item_knn <b>";
  row.metrics["ndcg@5"] = {0.4321, 0.41, 0.45};
  row.metrics["recall@5"] = {0.25, 0.2, 0.3};
  row.warnings = {"did not converge"};
  board.rows = {row};
  const std::string english = leaderboard_page(board, report::Language::en);
  for (const char* part : {"NDCG@5", "0.432", "0.250", "item_knn &lt;b&gt;", "1,234", "met last",
                           "did not converge", "<svg"})
    EXPECT_TRUE(holds(english, part)) << part;
  EXPECT_FALSE(holds(english, "nan"));
  const std::string chinese = leaderboard_page(board, report::Language::zh);
  EXPECT_TRUE(holds(chinese, "隐藏每位顾客最后接触的一件物品"));
  board.candidates = "sampled-100";
  board.rows[0].metrics["sampled_ndcg@5"] = {0.8771, 0.8, 0.9};
  EXPECT_TRUE(holds(leaderboard_page(board, report::Language::en), "0.877"));
}

}  // namespace
}  // namespace attune::engine
