#include "program.h"

#include <deque>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <boost/json.hpp>

namespace attune::cli {
namespace {

namespace fs = std::filesystem;

// Runs command lines in a folder of the test's own and keeps what they print.
class Program : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/attune-cli-XXXXXX";
    root_ = ::mkdtemp(name);
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name, std::ios::binary) << text;
    return root_ / name;
  }

  int run(std::vector<std::string> arguments) {
    Context context;
    out_.clear();
    err_.clear();
    context.out = [&](std::string_view text) { out_ += text; };
    context.err = [&](std::string_view text) { err_ += text; };
    if (!answers_.empty()) {
      context.answers = [&](std::string_view question) -> std::optional<std::string> {
        asked_ += question;
        if (answers_.empty()) return std::nullopt;
        std::string answer = answers_.front();
        answers_.pop_front();
        return answer;
      };
    }
    arguments.insert(arguments.begin(), {"--quiet", "--data", (root_ / "data").string()});
    return run_program(arguments, context);
  }
  boost::json::object answer() const { return boost::json::parse(out_).as_object(); }

  fs::path root_;
  std::string out_, err_, asked_;
  std::deque<std::string> answers_;  // of somebody who sits there; empty: nobody does
};

// Forty orders of eight customers, in columns whose names say nothing.
std::string plain_orders(const std::string& header) {
  std::string text = header;
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("c{},p{},2026-01-{:02} 10:00:00,{},4.50\n", i % 8, i % 5, 1 + i % 28,
                        1 + i % 3);
  }
  return text;
}

std::string orders() { return plain_orders("customer_id,product_id,date,quantity,price\n"); }

TEST_F(Program, LetsAnotherVersionOfAModelServe) {
  ASSERT_EQ(run({"import", write("orders.csv", orders()), "--yes"}), 0) << err_;
  ASSERT_EQ(run({"train", "popularity"}), 0) << err_;
  ASSERT_EQ(run({"train", "popularity"}), 0) << err_;
  ASSERT_EQ(run({"models", "activate", "popularity", "1"}), 0) << err_;
  EXPECT_EQ(out_, "popularity now serves version 1.\n");
  ASSERT_EQ(run({"--json", "models", "list"}), 0) << err_;
  const boost::json::object models = answer();
  for (const auto& model : models.at("models").as_array())
    EXPECT_EQ(model.at("current").as_bool(), model.at("version").as_int64() == 1);
  ASSERT_EQ(run({"--json", "models", "activate", "popularity", "2"}), 0) << err_;
  EXPECT_EQ(answer().at("version").as_int64(), 2);
  EXPECT_EQ(run({"models", "activate", "popularity", "7"}), 3);
}

TEST_F(Program, ReadsQuotesAndLongLinesAsTheCommandLineSays) {
  const std::string head = "order_id,customer_id,product_id,date,quantity,price\n";
  const auto set_aside = [&](const std::string& file, std::vector<std::string> options) {
    options.insert(options.begin(), {"--json", "import", file, "--yes"});
    const int status = run(options);
    const std::int64_t rows = answer().at("rows_quarantined").as_int64();
    // Of a file of one row: nothing of it was read.
    EXPECT_EQ(status, rows == 0 ? 0 : 2) << err_;
    EXPECT_EQ(err_.contains("the only row had to be set aside"), rows > 0) << err_;
    return rows;
  };
  const std::string file = write("quotes.csv", head + "1,\"ann,p1,2026-01-05,1,2\n");
  EXPECT_EQ(set_aside(file, {}), 1);
  EXPECT_EQ(set_aside(file, {"--quote", "none"}), 0);
  EXPECT_EQ(run({"import", file, "--yes", "--quote", "''"}), 2);
  const std::string name(80, 'a');
  const std::string line = write("long.csv", head + "1," + name + ",p1,2026-01-05,1,2\n");
  EXPECT_EQ(set_aside(line, {"--max-line-bytes", "70"}), 1);
  EXPECT_EQ(set_aside(line, {}), 0);
}

TEST_F(Program, ClearsAnEarlierDemoOnlyForAFileThatCanBeRead) {
  const std::string place = (root_ / "demo").string();
  ASSERT_EQ(run({"demo", write("orders.csv", orders()), "--directory", place}), 0) << err_;
  ASSERT_TRUE(fs::exists(root_ / "demo" / "report.html"));
  EXPECT_EQ(run({"demo", (root_ / "no-such.csv").string(), "--directory", place}), 3) << err_;
  EXPECT_EQ(run({"demo", write("unclear.csv", "a,b\nx,y\n"), "--directory", place}), 2) << err_;
  EXPECT_TRUE(fs::exists(root_ / "demo" / "report.html")) << "what a failed call leaves alone";
  const fs::path inside = write("demo/shop/orders.csv", orders());
  EXPECT_EQ(run({"demo", inside.string(), "--directory", place}), 2);
  EXPECT_NE(err_.find("--directory"), std::string::npos) << err_;
  EXPECT_TRUE(fs::exists(inside));
}

TEST_F(Program, AsksInADemoOnlyWhatNoColumnSeemsToGive) {
  const std::string place = (root_ / "demo").string();
  const fs::path file = write("orders.csv", plain_orders("who,what,happened,units,sum\n"));
  EXPECT_EQ(run({"demo", file, "--directory", place}), 2) << "nobody is there to be asked";
  EXPECT_NE(err_.find("--map customer=COLUMN"), std::string::npos) << err_;
  answers_ = {"whom", "what", "who", "what"};
  ASSERT_EQ(run({"demo", file, "--directory", place, "--map", "type=purchase,price=sum",
                 "--currency", "EUR"}),
            0)
      << err_;
  EXPECT_NE(err_.find("there is no column 'whom'"), std::string::npos) << err_;
  EXPECT_EQ(asked_,
            "Which column gives the customer? Which column gives the item? "
            "Which column gives the customer? Which column gives the item? ");
  EXPECT_NE(out_.find("40 rows read"), std::string::npos) << out_;
  EXPECT_NE(out_.find("EUR"), std::string::npos) << out_;
}

TEST_F(Program, AnswersEveryCommandWithOneObject) {
  ASSERT_EQ(run({"import", write("orders.csv", orders()), "--yes"}), 0) << err_;
  ASSERT_EQ(run({"segments", "save", "two", "frequency >= 2"}), 0) << err_;
  ASSERT_EQ(run({"segments", "remove", "two", "--json"}), 0) << err_;
  EXPECT_EQ(answer().at("name").as_string(), "two");
  const std::string alias = "customer_id,anonymous_id,type,time\nc1,visitor,identify,2026-02-01\n";
  ASSERT_EQ(
      run({"import",
           write("visit.csv", "anonymous_id,product_id,type,time\nvisitor,p1,view,2026-01-31\n"),
           "--yes"}),
      0)
      << err_;
  ASSERT_EQ(run({"import", write("alias.csv", alias), "--yes"}), 0) << err_;
  ASSERT_EQ(run({"identity", "separate", "visitor", "--json"}), 0) << err_;
  EXPECT_EQ(answer().at("id").as_string(), "visitor");
  ASSERT_EQ(run({"clean", "--json"}), 0) << err_;
  EXPECT_EQ(answer().at("bots").as_int64(), 0);
  ASSERT_EQ(run({"demo", write("orders.csv", orders()), "--directory", (root_ / "demo").string(),
                 "--json"}),
            0)
      << err_;
  EXPECT_EQ(answer().at("rows_read").as_int64(), 40);
  EXPECT_NE(err_.find("== Import and cleaning"), std::string::npos);
}

TEST_F(Program, TellsWrongUseAsAnErrorObject) {
  EXPECT_EQ(run({"profile", "--json"}), 2);
  EXPECT_EQ(answer().at("error").at("code").as_string(), "invalid_argument");
  EXPECT_NE(answer().at("error").at("message").as_string().find("id"), std::string::npos);
  EXPECT_EQ(run({"no-such-command", "--json"}), 2);
  EXPECT_TRUE(answer().contains("error"));
  EXPECT_EQ(run({"profile"}), 2);
  EXPECT_EQ(out_, "");
}

TEST_F(Program, NamesTheCommandThatThereIsNot) {
  EXPECT_EQ(run({"imprt", "orders.csv"}), 2);
  EXPECT_NE(
      err_.find("there is no command 'imprt'; attune --help names them; did you mean 'import'?"),
      err_.npos)
      << err_;
  EXPECT_EQ(run({"segments", "membrs", "vip"}), 2);
  EXPECT_NE(err_.find("'membrs'; attune segments --help names them; did you mean 'members'?"),
            err_.npos)
      << err_;
  EXPECT_EQ(run({"profile"}), 2);
  EXPECT_EQ(err_.find("there is no command"), err_.npos) << err_;
}

TEST_F(Program, TakesOneValueWithEachFlag) {
  ASSERT_EQ(run({"import", write("orders.csv", orders()), "--yes"}), 0) << err_;
  EXPECT_EQ(run({"train", "--set", "ials.factors=4", "ials"}), 0) << err_;
  EXPECT_EQ(run({"evaluate", "-k", "2", "-k", "3", "popularity", "--json"}), 0) << err_;
}

TEST_F(Program, NamesInHelpTheRangesThatHold) {
  EXPECT_EQ(run({"simulate", "--customers", "5000001"}), 2);
  EXPECT_EQ(run({"simulate", "--items", "23"}), 2);
  EXPECT_EQ(run({"simulate", "--days", "3651"}), 2);
  ASSERT_EQ(run({"simulate", "--help"}), 0);
  EXPECT_NE(out_.find("[1 - 5000000]"), std::string::npos) << out_;
  EXPECT_NE(out_.find("[24 - 1000000]"), std::string::npos) << out_;
}

}  // namespace
}  // namespace attune::cli
