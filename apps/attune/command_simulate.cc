// attune simulate: a shop with known truth, to try everything on.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/simulate/write_shop.h"
#include "context.h"
#include "live_run.h"

namespace attune::cli {
namespace {

constexpr std::int64_t kLiveDays = 30;
constexpr const char* kSimulateExamples = R"(Examples:
  attune simulate --customers 2000 --items 300 --days 180 --language zh --seed 1 --output shop
  attune --data live simulate --live --customers 2000 --days 30 --seed 1
  attune --data live serve --port 8710 --clock 2025-06-09      and, beside it:
  attune simulate --live --url http://127.0.0.1:8710 --key KEY)";

struct SimulateArguments {
  simulate::ShopParameters parameters;
  std::string language = "en", output = "simulated-shop";
  std::vector<std::string> set;
  bool live = false;
  std::int64_t history = 120;
  double holdout = .3;
  std::string url, key;
  simulate::ResponseParameters responses;
};

// --language and --set. How customers answer messages can be set of a live shop.
Status take_settings(SimulateArguments& arguments) {
  const auto& table = simulate::ShopParameters::table();
  const auto& responses = simulate::ResponseParameters::table();
  ATTUNE_RETURN_IF_ERROR(table.set(arguments.parameters, "language", arguments.language));
  for (const std::string& text : arguments.set) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos) {
      return std::unexpected(invalid_argument(
          fmt::format("--set {}: write PARAMETER=VALUE, such as refund_share=0.1", text)));
    }
    const std::string_view name = trim(std::string_view(text).substr(0, equals));
    const std::string_view value = trim(std::string_view(text).substr(equals + 1));
    const bool answers = arguments.live && find_parameter(responses.specs(), name).has_value();
    ATTUNE_RETURN_IF_ERROR(answers ? responses.set(arguments.responses, name, value)
                                   : table.set(arguments.parameters, name, value));
  }
  return {};
}

Result<std::unique_ptr<LiveShop>> open_shop(Context& context, const SimulateArguments& arguments,
                                            const LivePlan& plan) {
  if (!arguments.url.empty()) return open_live_service(arguments.url, arguments.key);
  return open_live_folder(context.folder(), context.command_line, plan);
}

Status run_live_shop(Context& context, SimulateArguments& arguments) {
  if (arguments.url.empty() != arguments.key.empty()) {
    return std::unexpected(invalid_argument(
        "--url and --key belong together: an admin key of the service, which attune serve --clock "
        "shows at its first start"));
  }
  arguments.parameters.missing_share = 0;  // unless --set says otherwise
  ATTUNE_RETURN_IF_ERROR(take_settings(arguments));
  ATTUNE_ASSIGN_OR_RETURN(LivePlan plan,
                          make_live_plan(arguments.parameters, arguments.history,
                                         arguments.parameters.days, arguments.holdout));
  plan.responses = arguments.responses;
  ATTUNE_ASSIGN_OR_RETURN(const auto shop, open_shop(context, arguments, plan));
  ATTUNE_ASSIGN_OR_RETURN(const LiveResult result, run_live(plan, *shop, context.progress()));
  context.end_progress();
  if (context.json) {
    context.print(live_json(plan, result) + "\n");
    return {};
  }
  context.print(live_text(plan, result, context.style()));
  if (arguments.url.empty()) {
    context.print(fmt::format("Next: attune --data {} campaign report {}\n",
                              context.folder().string(), kLiveCampaign));
  }
  return {};
}

Status run(Context& context, SimulateArguments& arguments) {
  ATTUNE_RETURN_IF_ERROR(take_settings(arguments));
  ATTUNE_ASSIGN_OR_RETURN(
      const simulate::PlantedCounts planted,
      simulate::write_shop(arguments.parameters, arguments.output, context.progress()));
  context.end_progress();
  if (context.json) {
    context.print(boost::json::serialize(boost::json::object{{"directory", arguments.output},
                                                             {"event_rows", planted.events.rows},
                                                             {"order_rows", planted.orders.rows},
                                                             {"customers", planted.customers},
                                                             {"items", planted.items},
                                                             {"orders", planted.orders_placed}}) +
                  "\n");
    return {};
  }
  context.print(fmt::format(
      "{}: {} rows of events, {} of orders, {} customers, {} items; what is true about them in "
      "truth.json.\n"
      "Next: attune import {}/events.csv --yes\n",
      arguments.output, with_thousands(planted.events.rows), with_thousands(planted.orders.rows),
      with_thousands(planted.customers), with_thousands(planted.items), arguments.output));
  return {};
}

// What the table of parameters allows.
CLI::Range range_of(std::string_view name) {
  const auto specs = simulate::ShopParameters::table().specs();
  const std::size_t at = find_parameter(specs, name).value();
  return {static_cast<std::int64_t>(specs[at].minimum),
          static_cast<std::int64_t>(specs[at].maximum)};
}

}  // namespace

void add_simulate(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<SimulateArguments>();
  CLI::App* command = app.add_subcommand(
      "simulate", "make a shop with known truth: as files, or live against the engine");
  command->footer(kSimulateExamples);
  command->add_option("--customers", arguments->parameters.customers, "how many customers")
      ->capture_default_str()
      ->check(range_of("customers"));
  command->add_option("--items", arguments->parameters.items, "how many items")
      ->capture_default_str()
      ->check(range_of("items"));
  CLI::Option* days =
      command->add_option("--days", arguments->parameters.days, "how many days (--live: 30)")
          ->capture_default_str()
          ->check(range_of("days"));
  command->add_option("--language", arguments->language, "of names: en or zh")
      ->capture_default_str();
  command->add_option("--seed", arguments->parameters.seed, "same seed, same bytes")
      ->capture_default_str();
  command->add_option("--output,-o", arguments->output, "folder for the files")
      ->capture_default_str()
      ->type_name("DIR");
  command->add_option("--set", arguments->set, "any other parameter: refund_share=0.1, bot_share=0")
      ->allow_extra_args(false);
  CLI::Option* live = command->add_flag(
      "--live", arguments->live,
      "lives days against the engine: messages that it decides, customers who answer, and a "
      "campaign's report beside the truth");
  command->add_option("--history", arguments->history, "days told before the first live one")
      ->capture_default_str()
      ->needs(live);
  command->add_option("--holdout", arguments->holdout, "share that the campaign leaves alone")
      ->capture_default_str()
      ->needs(live);
  command->add_option("--url", arguments->url, "a service (attune serve --clock) instead of --data")
      ->needs(live);
  command->add_option("--key", arguments->key, "an admin key of it")->needs(live);
  command->callback([&context, arguments, days] {
    if (arguments->live && days->count() == 0) arguments->parameters.days = kLiveDays;
    context.action = [&context, arguments] {
      return arguments->live ? run_live_shop(context, *arguments) : run(context, *arguments);
    };
  });
}

}  // namespace attune::cli
