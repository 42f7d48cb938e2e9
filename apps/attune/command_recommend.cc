// attune train, evaluate, recommend, similar, models: what customers would like.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/engine/leaderboard_view.h"
#include "command.h"
#include "context.h"

namespace attune::cli {
namespace {

struct RecommendArguments {
  std::vector<std::string> names;
  std::vector<std::string> set;
  std::string report;  // file of the leaderboard's page
  std::string split = "random", candidates = "full";
  double test_share = 0.2;
  int seeds = 1;
  std::vector<int> k{10};
  std::uint64_t seed = 1;
  int threads = 0;
  std::string customer, item, output, format;
  std::string name;  // of one recommender
  bool all = false;
  int version = 0;
  engine::RecommendOptions options;
};
using RecommendCall = std::shared_ptr<RecommendArguments>;

Result<std::vector<engine::Setting>> settings_of(const std::vector<std::string>& texts) {
  std::vector<engine::Setting> settings;
  for (const std::string& text : texts) {
    ATTUNE_ASSIGN_OR_RETURN(engine::Setting setting, engine::parse_setting(text));
    settings.push_back(std::move(setting));
  }
  return settings;
}

boost::json::object model_json(const engine::ModelMeta& meta) {
  boost::json::object parameters;
  for (const auto& [name, value] : meta.parameters) parameters[name] = value;
  return {{"recommender", meta.name},
          {"version", meta.version},
          {"current", meta.current},
          {"held", meta.held},
          {"trained_at", format_iso(meta.trained_at)},
          {"customers", meta.customers},
          {"items", meta.items},
          {"pairs", meta.pairs},
          {"fit_seconds", meta.fit_seconds},
          {"converged", meta.converged},
          {"iterations", meta.iterations},
          {"parameters", parameters},
          {"warnings", boost::json::array(meta.warnings.begin(), meta.warnings.end())}};
}

Result<std::vector<engine::ModelMeta>> train(Context& context, engine::TrainRequest request) {
  if (context.lender) {
    context.lender->release();
    return context.lender->train(std::move(request));
  }
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  return engine::train(workspace, request, context.progress());
}

Status run_train(Context& context, const RecommendCall& arguments) {
  engine::TrainRequest request;
  request.names = arguments->names;
  ATTUNE_ASSIGN_OR_RETURN(request.settings, settings_of(arguments->set));
  request.seed = arguments->seed;
  request.threads = arguments->threads;
  ATTUNE_ASSIGN_OR_RETURN(const auto models, train(context, std::move(request)));
  context.end_progress();
  if (context.json) {
    boost::json::array list;
    for (const auto& meta : models) list.push_back(model_json(meta));
    context.print(boost::json::serialize(boost::json::object{{"models", list}}) + "\n");
    return {};
  }
  report::Table table({{"recommender", report::Align::left, 0},
                       {"version", report::Align::right, 0},
                       {"customers", report::Align::right, 0},
                       {"items", report::Align::right, 0},
                       {"pairs", report::Align::right, 0},
                       {"seconds", report::Align::right, 0}});
  for (const auto& meta : models) {
    table.row({meta.name, fmt::format("{}", meta.version), with_thousands(meta.customers),
               with_thousands(meta.items), with_thousands(meta.pairs),
               fmt::format("{:.2f}", meta.fit_seconds)});
  }
  context.print(table);
  for (const auto& meta : models) {
    for (const std::string& warning : meta.warnings)
      context.print(fmt::format("{}: {}\n", meta.name, warning));
  }
  context.print("Next: attune recommend --customer ID --explain, or attune evaluate\n");
  return {};
}

void print_leaderboard(Context& context, const recommend::Leaderboard& board) {
  const int k = board.k.front();
  const std::vector<std::string> metrics{fmt::format("ndcg@{}", k), fmt::format("precision@{}", k),
                                         fmt::format("recall@{}", k), fmt::format("hit_rate@{}", k),
                                         fmt::format("coverage@{}", k)};
  std::vector<report::Column> columns{{"recommender", report::Align::left, 0}};
  const std::string prefix = board.candidates == "full" ? "" : "sampled_";
  for (std::size_t i = 0; i < metrics.size(); ++i)
    columns.push_back({prefix + metrics[i], report::Align::right, i < 2 ? 0 : 1});
  columns.push_back({"fit", report::Align::right, 0});
  report::Table table(std::move(columns));
  for (const auto& row : board.rows) {
    std::vector<report::Cell> cells{row.recommender};
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      const auto found = row.metrics.find(prefix + metrics[i]);
      if (found == row.metrics.end()) {
        cells.emplace_back("");
      } else if (i < 1) {
        cells.emplace_back(fmt::format("{:.4f} ({:.4f}–{:.4f})", found->second.mean,
                                       found->second.low, found->second.high));
      } else {
        cells.emplace_back(fmt::format("{:.4f}", found->second.mean));
      }
    }
    cells.emplace_back(fmt::format("{:.2f} s", row.fit_seconds));
    table.row(std::move(cells));
  }
  context.print(table);
  context.print(fmt::format(
      "Split {}, {} seed{}, {} candidates, {} customers tested, {} items; intervals: paired "
      "bootstrap, 95 %.\n",
      board.split, board.seeds.size(), board.seeds.size() == 1 ? "" : "s", board.candidates,
      with_thousands(board.customers_tested), with_thousands(board.items)));
  for (const auto& row : board.rows) {
    for (const std::string& warning : row.warnings)
      context.print(fmt::format("{}: {}\n", row.recommender, warning));
  }
}

Status run_evaluate(Context& context, const RecommendCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  engine::EvaluateRequest request;
  request.names = arguments->names;
  ATTUNE_ASSIGN_OR_RETURN(request.settings, settings_of(arguments->set));
  ATTUNE_ASSIGN_OR_RETURN(request.options.split.kind, learn::parse_split_kind(arguments->split));
  request.options.split.test_share = arguments->test_share;
  request.options.seeds.clear();
  for (int i = 0; i < arguments->seeds; ++i)
    request.options.seeds.push_back(arguments->seed + static_cast<std::uint64_t>(i));
  request.options.k = arguments->k;
  if (arguments->candidates != "full" && arguments->candidates != "sampled") {
    return std::unexpected(invalid_argument(fmt::format("--candidates is full or sampled, not '{}'",
                                                        attune::quoted(arguments->candidates))));
  }
  if (arguments->candidates == "sampled")
    request.options.candidates = recommend::Candidates::sampled;
  request.options.threads = arguments->threads;
  request.options.progress = &context.progress();
  const std::string& spoken = arguments->options.language;
  if (spoken != "en" && spoken != "zh") {
    return std::unexpected(invalid_argument(
        fmt::format("the report comes in en or zh, not '{}'", attune::quoted(spoken))));
  }
  if (context.lender) request.when_read = context.lender->release;
  ATTUNE_ASSIGN_OR_RETURN(const recommend::Leaderboard board, engine::evaluate(workspace, request));
  context.end_progress();
  if (!arguments->report.empty()) {
    const auto language = spoken == "zh" ? report::Language::zh : report::Language::en;
    ATTUNE_RETURN_IF_ERROR(
        write_file_durably(arguments->report, engine::leaderboard_page(board, language)));
  }
  if (context.json) {
    context.print(engine::to_json(board) + "\n");
    return {};
  }
  print_leaderboard(context, board);
  if (!arguments->report.empty()) context.print(fmt::format("As a page: {}\n", arguments->report));
  return {};
}

Result<engine::Recommending> open_recommending(Context& context, engine::Workspace& workspace,
                                               const engine::RecommendOptions& options) {
  auto opened = engine::Recommending::open(workspace, options);
  if (opened || opened.error().code != ErrorCode::failed_precondition || !options.model.empty())
    return opened;
  context.note("no model is trained yet: training now");
  engine::TrainRequest request;
  ATTUNE_ASSIGN_OR_RETURN(const auto models, engine::train(workspace, request, context.progress()));
  (void)models;
  context.end_progress();
  return engine::Recommending::open(workspace, options);
}

boost::json::array items_json(const engine::Recommendations& recommendations) {
  boost::json::array items;
  for (const auto& item : recommendations.items) {
    boost::json::array reasons;
    for (const auto& reason : item.reasons) {
      boost::json::object object{{"text", reason.text}};
      if (reason.item) {
        object["item_id"] = reason.item_id;
        object["item_name"] = reason.item_name;
        object["share"] = reason.share;
      }
      reasons.push_back(std::move(object));
    }
    items.push_back(boost::json::object{{"rank", item.rank},
                                        {"item_id", item.item_id},
                                        {"item_name", item.item_name},
                                        {"score", item.score},
                                        {"reasons", reasons}});
  }
  return items;
}

void print_items(Context& context, const engine::Recommendations& recommendations, bool explain) {
  std::vector<report::Column> columns{{"rank", report::Align::right, 0},
                                      {"item", report::Align::left, 0},
                                      {"name", report::Align::left, 1},
                                      {"score", report::Align::right, 0}};
  if (explain) columns.push_back({"why", report::Align::left, 2});
  report::Table table(std::move(columns));
  for (const auto& item : recommendations.items) {
    std::vector<report::Cell> cells{fmt::format("{}", item.rank), item.item_id, item.item_name,
                                    fmt::format("{:.3f}", item.score)};
    if (explain) cells.emplace_back(item.reasons.empty() ? "" : item.reasons[0].text);
    table.row(std::move(cells));
    for (std::size_t i = 1; explain && i < item.reasons.size(); ++i)
      table.row({"", "", "", "", {item.reasons[i].text, report::Tone::faint}});
  }
  context.print(table);
}

Status run_all(Context& context, engine::Recommending& recommending,
               const RecommendCall& arguments) {
  if (arguments->output.empty())
    return std::unexpected(
        invalid_argument("--all needs --output FILE (.csv, .jsonl or .parquet)"));
  ATTUNE_ASSIGN_OR_RETURN(const store::TableFormat format,
                          table_format(arguments->output, arguments->format));
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t rows,
                          recommending.write_all(arguments->output, format, context.progress()));
  context.end_progress();
  if (context.json) {
    context.print(
        boost::json::serialize(boost::json::object{{"rows", rows}, {"file", arguments->output}}) +
        "\n");
  } else {
    context.print(fmt::format("{} rows in {}\n", with_thousands(rows), arguments->output));
  }
  return {};
}

std::string_view basis_text(engine::ListBasis basis) {
  switch (basis) {
    case engine::ListBasis::taste:
      return "";
    case engine::ListBasis::same_for_all:
      return "; it gives everybody the same list";
    case engine::ListBasis::nothing_known:
      return "; nothing is known of this customer's taste, so these are the popular items";
    case engine::ListBasis::nothing_near:
      return "; nothing that may be shown is near this customer's taste, so these are the popular "
             "items";
    case engine::ListBasis::not_allowed:
      return "; this customer does not allow personalisation, so these are the popular items";
  }
  return "";
}

Status run_recommend(Context& context, const RecommendCall& arguments) {
  if (arguments->customer.empty() == !arguments->all) {
    return std::unexpected(invalid_argument("say for whom: --customer ID, or --all --output FILE"));
  }
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  ATTUNE_ASSIGN_OR_RETURN(engine::Recommending recommending,
                          open_recommending(context, workspace, arguments->options));
  if (arguments->all) return run_all(context, recommending, arguments);
  ATTUNE_ASSIGN_OR_RETURN(const engine::Recommendations list,
                          recommending.for_customer(arguments->customer));
  context.end_progress();
  if (context.json) {
    context.print(boost::json::serialize(boost::json::object{{"customer_id", arguments->customer},
                                                             {"model", list.model},
                                                             {"version", list.version},
                                                             {"personal", list.personal},
                                                             {"basis", engine::name(list.basis)},
                                                             {"folded_in", list.folded_in},
                                                             {"items", items_json(list)}}) +
                  "\n");
    return {};
  }
  if (list.items.empty()) {
    context.print(
        "No item may be shown: none that the rule allows, or all of them are known to the "
        "customer (--include-seen shows those too).\n");
    return {};
  }
  print_items(context, list, arguments->options.explain);
  context.print(fmt::format("By {} version {}{}{}.\n", list.model, list.version,
                            list.folded_in ? ", with what came since it was trained" : "",
                            basis_text(list.basis)));
  return {};
}

Status run_similar(Context& context, const RecommendCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  ATTUNE_ASSIGN_OR_RETURN(engine::Recommending recommending,
                          open_recommending(context, workspace, arguments->options));
  ATTUNE_ASSIGN_OR_RETURN(const engine::Recommendations list,
                          recommending.similar_to(arguments->item));
  context.end_progress();
  if (context.json) {
    context.print(
        boost::json::serialize(boost::json::object{
            {"item_id", arguments->item}, {"model", list.model}, {"items", items_json(list)}}) +
        "\n");
    return {};
  }
  print_items(context, list, false);
  return {};
}

Status run_models(Context& context, const RecommendCall&) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  ATTUNE_ASSIGN_OR_RETURN(const auto models,
                          engine::ModelRegistry(workspace.folder().models()).list());
  if (context.json) {
    boost::json::array list;
    for (const auto& meta : models) list.push_back(model_json(meta));
    context.print(boost::json::serialize(boost::json::object{{"models", list}}) + "\n");
    return {};
  }
  report::Table table({{"recommender", report::Align::left, 0},
                       {"version", report::Align::right, 0},
                       {"serves", report::Align::left, 0},
                       {"trained", report::Align::left, 0},
                       {"pairs", report::Align::right, 0}});
  for (const auto& meta : models) {
    table.row({meta.name, fmt::format("{}", meta.version),
               meta.held      ? "yes, held"
               : meta.current ? "yes"
                              : "",
               format_iso(meta.trained_at), with_thousands(meta.pairs)});
  }
  context.print(table);
  return {};
}

Status run_activate(Context& context, const RecommendCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  ATTUNE_RETURN_IF_ERROR(engine::ModelRegistry(workspace.folder().models())
                             .activate(arguments->name, arguments->version));
  if (context.json) {
    context.print(boost::json::serialize(boost::json::object{{"recommender", arguments->name},
                                                             {"version", arguments->version}}) +
                  "\n");
  } else {
    context.print(fmt::format("{} now serves version {}.\n", arguments->name, arguments->version));
  }
  return {};
}

void add_list_options(CLI::App& command, RecommendArguments& a) {
  command.add_option("--model", a.options.model,
                     "recommender to ask (default: the best that is trained)");
  command.add_option("-k", a.options.k, "how many items")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command.add_option(
      "--where", a.options.where,
      "a rule over items, such as 'price_cents < 2000 and category contains \"shoes\"'");
}

}  // namespace

void add_recommend(CLI::App& app, Context& context) {
  auto train = std::make_shared<RecommendArguments>();
  CLI::App* t = app.add_subcommand("train", "learn what customers like");
  t->footer(
      "Examples:\n  attune train\n  attune train ials --set ials.factors=128 --set weights.view=0");
  t->add_option("names", train->names, "recommenders (default: ials, item_knn, popularity)");
  t->add_option("--set", train->set, "a declared parameter: ials.factors=128, weights.purchase=5")
      ->allow_extra_args(false);
  t->add_option("--seed", train->seed, "of everything drawn by chance")->capture_default_str();
  t->add_option("--threads", train->threads, "0: one a processor")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  run_when_called(*t, context, train, run_train);

  auto evaluate = std::make_shared<RecommendArguments>();
  CLI::App* e = app.add_subcommand("evaluate", "compare recommenders on held-out events");
  e->footer("Example: attune evaluate item_knn ials --split time --seeds 5 -k 10");
  e->add_option("names", evaluate->names, "recommenders (default: all; ease up to 10,000 items)");
  e->add_option("--set", evaluate->set, "a declared parameter: item_knn.weighting=bm25")
      ->allow_extra_args(false);
  e->add_option("--split", evaluate->split, "random (of each customer), leave-one-out or time")
      ->capture_default_str();
  e->add_option("--test-share", evaluate->test_share, "share held out")->capture_default_str();
  e->add_option("--seeds", evaluate->seeds, "how many splits")
      ->capture_default_str()
      ->check(CLI::Range(1, 100));
  e->add_option("--seed", evaluate->seed, "of the first split; the others follow")
      ->capture_default_str();
  e->add_option("-k", evaluate->k, "lengths of lists; say it again for more")
      ->capture_default_str()
      ->allow_extra_args(false)
      ->check(CLI::Range(1, 1000));
  e->add_option("--candidates", evaluate->candidates,
                "full: every item; sampled: 100 drawn beside each held-out one")
      ->capture_default_str();
  e->add_option("--threads", evaluate->threads, "0: one a processor")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  e->add_option("--report", evaluate->report, "write the leaderboard as a page, too")
      ->type_name("FILE.html");
  e->add_option("--language", evaluate->options.language, "of the page: en or zh")
      ->capture_default_str();
  run_when_called(*e, context, evaluate, run_evaluate);

  auto recommend = std::make_shared<RecommendArguments>();
  CLI::App* r = app.add_subcommand("recommend", "lists for one customer or for all");
  r->footer(
      "Examples:\n  attune recommend --customer 17850 --explain\n  attune recommend --all --output "
      "lists.parquet");
  r->add_option("--customer", recommend->customer, "the customer's id");
  r->add_flag("--all", recommend->all, "for everybody");
  r->add_option("--output", recommend->output, "file for --all")->type_name("FILE");
  r->add_option("--format", recommend->format,
                "csv, jsonl or parquet (default: by the file's name)");
  r->add_flag("--explain", recommend->options.explain, "say why (with --all: a column of reasons)");
  r->add_flag("--include-seen", recommend->options.include_seen,
              "items the customer has met may come again");
  r->add_option("--language", recommend->options.language, "of reasons: en or zh")
      ->capture_default_str();
  add_list_options(*r, *recommend);
  run_when_called(*r, context, recommend, run_recommend);

  auto similar = std::make_shared<RecommendArguments>();
  CLI::App* s = app.add_subcommand("similar", "items like one item");
  s->footer("Example: attune similar --item 85123A -k 5");
  s->add_option("--item", similar->item, "the item's id")->required();
  add_list_options(*s, *similar);
  run_when_called(*s, context, similar, run_similar);

  CLI::App* models = app.add_subcommand("models", "trained models and their versions");
  models->require_subcommand(1);
  models->footer("Examples:\n  attune models list\n  attune models activate ials 3");
  run_when_called(*models->add_subcommand("list", "every version"), context,
                  std::make_shared<RecommendArguments>(), run_models);
  auto activate = std::make_shared<RecommendArguments>();
  CLI::App* a = models->add_subcommand("activate", "let another version serve");
  a->add_option("name", activate->name, "the recommender")->required();
  a->add_option("version", activate->version, "its version")->required();
  run_when_called(*a, context, activate, run_activate);
}

}  // namespace attune::cli
