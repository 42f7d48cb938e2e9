// attune demo: the main job from files to a report, on a simulated shop whose truth is known, or on
// the reader's own file.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/engine/import.h"
#include "attune/engine/quality_view.h"
#include "attune/engine/report_page.h"
#include "attune/simulate/truth.h"
#include "attune/simulate/write_shop.h"
#include "column_arguments.h"
#include "context.h"
#include "live_run.h"

namespace attune::cli {
namespace {

constexpr std::int64_t kLiveHistoryDays = 90, kLiveDays = 18;

struct DemoArguments {
  std::string orders;
  ColumnArguments meaning;  // of the reader's own file
  std::string directory = "demo";
  std::string language = "en";
  std::int64_t customers = 2'000;
};

class Demo {
 public:
  Demo(Context& context, const DemoArguments& arguments)
      : context_(context), arguments_(arguments), folder_(arguments.directory) {}

  Status run() {
    ATTUNE_RETURN_IF_ERROR(check_folder());
    if (!arguments_.orders.empty()) ATTUNE_RETURN_IF_ERROR(look_at_orders());
    ATTUNE_RETURN_IF_ERROR(clear_folder());
    if (arguments_.orders.empty()) ATTUNE_RETURN_IF_ERROR(simulate_shop());
    engine::WorkspaceOptions options;
    options.create = true;
    options.command = context_.command_line;
    ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace,
                            engine::Workspace::open(folder_ / "data", options));
    ATTUNE_RETURN_IF_ERROR(import_files(workspace));
    ATTUNE_RETURN_IF_ERROR(show_customers(workspace));
    ATTUNE_RETURN_IF_ERROR(train_and_recommend(workspace));
    if (arguments_.orders.empty()) {
      ATTUNE_RETURN_IF_ERROR(check_truth(workspace));
      ATTUNE_RETURN_IF_ERROR(live_campaign());
    }
    engine::ReportOptions report;
    report.language = arguments_.language;
    ATTUNE_RETURN_IF_ERROR(
        engine::write_report(workspace, report, folder_ / "report.html", context_.progress()));
    say_next(example_);
    return failed_ == 0 ? Status{}
                        : std::unexpected(internal_error(fmt::format(
                              "{} of the demo's checks against the truth failed", failed_)));
  }

  std::string to_json() const {
    boost::json::object object{{"directory", folder_.string()},
                               {"data", (folder_ / "data").string()},
                               {"report", (folder_ / "report.html").string()},
                               {"customer_id", example_},
                               {"rows_read", quality_.rows_read},
                               {"rows_kept", quality_.rows_kept},
                               {"checks", checks_}};
    return boost::json::serialize(object);
  }

 private:
  void step(std::string_view title) {
    context_.end_progress();
    context_.print(fmt::format("\n== {}\n", title));
  }

  std::filesystem::path mark() const { return folder_ / ".attune-demo"; }

  // The demo's own folder from an earlier run is made anew; anybody else's is not touched.
  Status check_folder() const {
    std::error_code failure;
    if (!std::filesystem::exists(folder_, failure) || std::filesystem::is_empty(folder_, failure) ||
        std::filesystem::exists(mark(), failure))
      return {};
    return std::unexpected(already_exists(fmt::format(
        "{} is there already and no earlier demo made it; name another with --directory",
        folder_.string())));
  }

  // All that the reader's file can go wrong by, before anything of an earlier demo is removed.
  Status look_at_orders() {
    namespace fs = std::filesystem;
    std::error_code failure;
    const fs::path file = fs::weakly_canonical(arguments_.orders, failure);
    const fs::path folder = fs::weakly_canonical(fs::absolute(folder_, failure), failure);
    if (std::ranges::mismatch(folder, file).in1 == folder.end()) {
      return std::unexpected(invalid_argument(fmt::format(
          "{} lies in {}, which the demo makes anew; move the file, or name another folder with "
          "--directory",
          arguments_.orders, folder_.string())));
    }
    step("Import and cleaning");
    orders_.files = {arguments_.orders};
    arguments_.meaning.apply(orders_);
    ATTUNE_ASSIGN_OR_RETURN(
        engine::ImportPreview preview,
        settle_columns(context_, orders_, arguments_.orders,
                       [&](const std::string& explanation) { context_.print(explanation); }));
    orders_mapping_ = std::move(preview.mapping);
    return {};
  }

  Status clear_folder() const {
    std::error_code failure;
    std::filesystem::remove_all(folder_, failure);
    std::filesystem::create_directories(folder_, failure);
    return write_file_durably(mark(), "made by attune demo\n");
  }

  Status simulate_shop() {
    step("A shop whose truth is known");
    simulate::ShopParameters parameters;
    parameters.customers = arguments_.customers;
    ATTUNE_RETURN_IF_ERROR(
        simulate::ShopParameters::table().set(parameters, "language", arguments_.language));
    ATTUNE_ASSIGN_OR_RETURN(
        const simulate::PlantedCounts planted,
        simulate::write_shop(parameters, folder_ / "shop", context_.progress()));
    context_.end_progress();
    context_.print(fmt::format(
        "{} customers, {} items, {} rows of events; planted in them: {} repeats, {} rows sent "
        "twice, {} bots, {} rows that nobody can read.\n",
        with_thousands(planted.customers), with_thousands(planted.items),
        with_thousands(planted.events.rows), with_thousands(planted.events.exact_duplicates),
        with_thousands(planted.events.resent), with_thousands(planted.bots),
        with_thousands(planted.events.malformed_total())));
    return {};
  }

  Status import_one(engine::Workspace& workspace, const engine::ImportRequest& request,
                    const events::Mapping& mapping) {
    ATTUNE_ASSIGN_OR_RETURN(const engine::ImportResult result,
                            engine::run_import(workspace, request, {mapping}, context_.progress()));
    context_.end_progress();
    if (request.kind != events::Kind::events) return {};
    context_.print(engine::quality_text(result, context_.style()));
    quality_ = result.report;
    return {};
  }

  Status import_files(engine::Workspace& workspace) {
    if (!arguments_.orders.empty()) return import_one(workspace, orders_, orders_mapping_);
    step("Import and cleaning");
    for (const auto kind : {events::Kind::items, events::Kind::customers, events::Kind::events}) {
      engine::ImportRequest request;
      request.kind = kind;
      request.files = {folder_ / "shop" / fmt::format("{}.csv", events::name(kind))};
      ATTUNE_ASSIGN_OR_RETURN(const engine::ImportPreview preview,
                              engine::preview_import(request, request.files[0]));
      if (kind == events::Kind::events) context_.print(preview.explanation);
      ATTUNE_RETURN_IF_ERROR(import_one(workspace, request, preview.mapping));
    }
    return {};
  }

  Status show_customers(engine::Workspace& workspace) {
    step("Who the customers are");
    ATTUNE_ASSIGN_OR_RETURN(engine::Customers customers,
                            engine::Customers::open(workspace, {}, context_.progress()));
    ATTUNE_ASSIGN_OR_RETURN(const auto sizes, customers.refresh_segments());
    ATTUNE_ASSIGN_OR_RETURN(const auto currency, workspace.reporting_currency());
    context_.end_progress();
    report::Table table({{"segment", report::Align::left, 0},
                         {"members", report::Align::right, 0},
                         {"monetary", report::Align::right, 0},
                         {"rule", report::Align::left, 2}});
    for (const auto& size : sizes) {
      table.row({size.segment.name, with_thousands(size.members),
                 money(size.monetary_cents, currency.value_or(Currency{})), size.segment.rule});
    }
    context_.print(table);
    std::int64_t best = -1;
    ATTUNE_RETURN_IF_ERROR(customers.for_each([&](const profiles::Profile& p) -> Status {
      if (p.frequency > 1 && p.monetary_cents > best) {
        best = p.monetary_cents;
        example_number_ = p.customer;
      }
      return {};
    }));
    return {};
  }

  Status train_and_recommend(engine::Workspace& workspace) {
    step("What they would like");
    ATTUNE_ASSIGN_OR_RETURN(const auto models, engine::train(workspace, {}, context_.progress()));
    context_.end_progress();
    for (const auto& meta : models)
      context_.print(fmt::format("trained {} in {:.2f} s\n", meta.name, meta.fit_seconds));
    if (!example_number_) return {};
    ATTUNE_ASSIGN_OR_RETURN(example_, workspace.identity().label(example_number_));
    engine::RecommendOptions options;
    options.k = 5;
    options.explain = true;
    options.language = arguments_.language;
    ATTUNE_ASSIGN_OR_RETURN(engine::Recommending recommending,
                            engine::Recommending::open(workspace, options));
    ATTUNE_ASSIGN_OR_RETURN(const auto list, recommending.for_history(example_number_));
    context_.print(fmt::format("\nFor {}:\n", example_));
    report::Table table({{"rank", report::Align::right, 0},
                         {"item", report::Align::left, 0},
                         {"name", report::Align::left, 1},
                         {"why", report::Align::left, 2}});
    for (const auto& item : list.items) {
      table.row({fmt::format("{}", item.rank), item.item_id, item.item_name,
                 item.reasons.empty() ? "" : item.reasons[0].text});
    }
    context_.print(table);
    return {};
  }

  void check(bool holds, const std::string& what) {
    context_.print(fmt::format("  {} {}\n", holds ? "✓" : "✗", what));
    checks_.push_back(boost::json::object{{"what", what}, {"holds", holds}});
    failed_ += !holds;
  }

  // What the truth says of what was found.
  Status check_truth(engine::Workspace& workspace) {
    step("Against the truth");
    ATTUNE_ASSIGN_OR_RETURN(const simulate::Truth truth, simulate::Truth::load(folder_ / "shop"));
    const simulate::FileCounts& planted = truth.planted().events;
    const auto count = [&](const char* reason) {
      const auto found = quality_.reasons.find(reason);
      return found == quality_.reasons.end() ? 0 : found->second.count;
    };
    check(quality_.rows_read == planted.rows,
          fmt::format("rows read {} of {}", with_thousands(quality_.rows_read),
                      with_thousands(planted.rows)));
    check(quality_.rows_quarantined == planted.malformed_total(),
          fmt::format("unreadable rows set aside {} of {}", quality_.rows_quarantined,
                      planted.malformed_total()));
    const std::int64_t repeats = count("exact_duplicate") + count("repeated_event_id");
    check(repeats == planted.exact_duplicates + planted.resent,
          fmt::format("repeated rows left out {} of {}", repeats,
                      planted.exact_duplicates + planted.resent));
    check(count("missing_customer") == planted.missing_customer_rows,
          fmt::format("rows of nobody {} of {}", count("missing_customer"),
                      planted.missing_customer_rows));
    ATTUNE_RETURN_IF_ERROR(check_tastes(workspace, truth));
    return check_lists(workspace, truth);
  }

  Status check_tastes(engine::Workspace& workspace, const simulate::Truth& truth) {
    ATTUNE_ASSIGN_OR_RETURN(engine::Customers customers,
                            engine::Customers::open(workspace, {}, context_.progress()));
    std::vector<std::pair<std::string, std::string>> found;
    ATTUNE_RETURN_IF_ERROR(customers.for_each([&](const profiles::Profile& p) -> Status {
      if (p.frequency < 3 || p.categories.empty()) return {};
      ATTUNE_ASSIGN_OR_RETURN(std::string id, workspace.identity().label(p.customer));
      found.emplace_back(std::move(id), std::string(customers.names().term(
                                            profiles::TermKindOf::category, p.categories[0].term)));
      return {};
    }));
    context_.end_progress();
    std::vector<simulate::CustomerLabel> labels;
    for (const auto& [id, category] : found) labels.push_back({id, category});
    const simulate::Score score = truth.top_category_found(labels);
    const double chance =
        1.0 / static_cast<double>(std::max<std::size_t>(1, truth.category_names().size()));
    check(score.low > 2 * chance,
          fmt::format("favourite category of customers with 3 orders or more found for {:.0f} % "
                      "({:.0f}–{:.0f}; chance {:.0f} %)",
                      100 * score.mean, 100 * score.low, 100 * score.high, 100 * chance));
    return {};
  }

  Result<simulate::Score> score_model(engine::Workspace& workspace, const simulate::Truth& truth,
                                      const std::string& model) {
    engine::RecommendOptions options;
    options.model = model;
    options.include_seen = true;
    ATTUNE_ASSIGN_OR_RETURN(engine::Recommending recommending,
                            engine::Recommending::open(workspace, options));
    std::vector<std::pair<std::string, std::vector<std::string>>> lists;
    ATTUNE_RETURN_IF_ERROR(recommending.for_everybody(
        [&](CustomerNumber customer, std::span<const engine::RecommendedItem> items) -> Status {
          ATTUNE_ASSIGN_OR_RETURN(std::string id, workspace.identity().label(customer));
          if (truth.find_customer(id) == nullptr) return {};
          std::vector<std::string> ids;
          for (const auto& item : items) ids.push_back(item.item_id);
          lists.emplace_back(std::move(id), std::move(ids));
          return {};
        }));
    std::vector<simulate::RecommendedList> views;
    for (const auto& [id, ids] : lists) views.push_back({id, ids});
    return truth.list_probability(views);
  }

  Status check_lists(engine::Workspace& workspace, const simulate::Truth& truth) {
    ATTUNE_ASSIGN_OR_RETURN(const simulate::Score popular,
                            score_model(workspace, truth, "popularity"));
    ATTUNE_ASSIGN_OR_RETURN(const simulate::Score personal, score_model(workspace, truth, "ials"));
    context_.end_progress();
    check(personal.low > popular.high,
          fmt::format("the next thing bought is on the personal list of ten with {:.1f} % "
                      "({:.1f}–{:.1f}), on the popular one with {:.1f} % ({:.1f}–{:.1f})",
                      100 * personal.mean, 100 * personal.low, 100 * personal.high,
                      100 * popular.mean, 100 * popular.low, 100 * popular.high));
    return {};
  }

  // Messages need days that go on after them: another shop of this kind is lived against the
  // engine.
  Status live_campaign() {
    step("A campaign, and what it changed");
    simulate::ShopParameters parameters;
    parameters.customers = arguments_.customers;
    parameters.missing_share = 0;  // orders that no record names are nobody's to measure
    ATTUNE_RETURN_IF_ERROR(
        simulate::ShopParameters::table().set(parameters, "language", arguments_.language));
    ATTUNE_ASSIGN_OR_RETURN(const LivePlan plan, make_live_plan(parameters, kLiveHistoryDays,
                                                                kLiveDays, LivePlan().holdout));
    ATTUNE_ASSIGN_OR_RETURN(const auto shop,
                            open_live_folder(folder_ / "live", context_.command_line, plan));
    ATTUNE_ASSIGN_OR_RETURN(const LiveResult result, run_live(plan, *shop, context_.progress()));
    context_.end_progress();
    context_.print(live_text(plan, result, context_.style()));
    return {};
  }

  void say_next(const std::string& example) {
    context_.end_progress();
    const std::string data = (folder_ / "data").string();
    context_.print(fmt::format("\nThe report is in {}: open it in a browser.\n",
                               (folder_ / "report.html").string()));
    context_.print(
        fmt::format("Next:\n  ./run attune --data {} profile {}\n  ./run attune --data {} segments "
                    "preview 'frequency >= 3 and recency_days > 60'\n"
                    "  ./run attune --data {} evaluate --seeds 3\n",
                    data, example.empty() ? "ID" : example, data, data));
    if (!arguments_.orders.empty()) return;
    context_.print(fmt::format("  ./run attune --data {} campaign report {}\n",
                               (folder_ / "live").string(), kLiveCampaign));
    context_.print("With your own orders: ./run demo ORDERS.csv\n");
  }

  Context& context_;
  const DemoArguments& arguments_;
  std::filesystem::path folder_;
  engine::ImportRequest orders_;  // of the reader's own file
  events::Mapping orders_mapping_;
  events::QualityReport quality_;
  CustomerNumber example_number_;
  std::string example_;
  boost::json::array checks_;
  int failed_ = 0;
};

Status run_demo(Context& context, const DemoArguments& arguments) {
  Demo demo(context, arguments);
  if (!context.json) return demo.run();
  // The story goes to standard error, the answer alone to standard output.
  auto out =
      std::exchange(context.out, [&context](std::string_view text) { context.complain(text); });
  const Status done = demo.run();
  context.out = std::move(out);
  if (done) context.print(demo.to_json() + "\n");
  return done;
}

}  // namespace

void add_demo(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<DemoArguments>();
  CLI::App* command = app.add_subcommand(
      "demo", "the main job in one go, on a simulated shop or on your own orders");
  command->footer(
      "Examples:\n  attune demo\n  attune demo my-orders.csv\n  attune demo my-orders.csv --map "
      "time=day,customer=who --currency EUR\nWhat no column of your file seems to give is asked.");
  command->add_option("orders", arguments->orders, "a file of orders (default: a simulated shop)")
      ->type_name("ORDERS.csv");
  arguments->meaning.add_to(*command);
  command
      ->add_option("--directory", arguments->directory,
                   "where everything goes, its data folder too")
      ->capture_default_str()
      ->type_name("DIR");
  command->add_option("--language", arguments->language, "en or zh")->capture_default_str();
  command->add_option("--customers", arguments->customers, "of the simulated shop")
      ->capture_default_str()
      ->check(CLI::Range(100, 1'000'000));
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return run_demo(context, *arguments); };
  });
}

}  // namespace attune::cli
