// attune simulate: a shop with known truth, to try everything on.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/simulate/write_shop.h"
#include "context.h"

namespace attune::cli {
namespace {

struct SimulateArguments {
  simulate::ShopParameters parameters;
  std::string language = "en", output = "simulated-shop";
  std::vector<std::string> set;
};

Status run(Context& context, SimulateArguments& arguments) {
  const auto& table = simulate::ShopParameters::table();
  ATTUNE_RETURN_IF_ERROR(table.set(arguments.parameters, "language", arguments.language));
  for (const std::string& text : arguments.set) {
    const std::size_t equals = text.find('=');
    if (equals == text.npos) {
      return std::unexpected(invalid_argument(
          fmt::format("--set {}: write PARAMETER=VALUE, such as refund_share=0.1", text)));
    }
    ATTUNE_RETURN_IF_ERROR(table.set(arguments.parameters, trim(text.substr(0, equals)),
                                     trim(text.substr(equals + 1))));
  }
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

}  // namespace

void add_simulate(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<SimulateArguments>();
  CLI::App* command = app.add_subcommand("simulate", "make a shop with known truth, as files");
  command->footer(
      "Example: attune simulate --customers 2000 --items 300 --days 180 --language zh --seed 1 "
      "--output shop");
  command->add_option("--customers", arguments->parameters.customers, "how many customers")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000'000));
  command->add_option("--items", arguments->parameters.items, "how many items")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000'000));
  command->add_option("--days", arguments->parameters.days, "how many days")
      ->capture_default_str()
      ->check(CLI::Range(1, 36'500));
  command->add_option("--language", arguments->language, "of names: en or zh")
      ->capture_default_str();
  command->add_option("--seed", arguments->parameters.seed, "same seed, same bytes")
      ->capture_default_str();
  command->add_option("--output,-o", arguments->output, "folder for the files")
      ->capture_default_str()
      ->type_name("DIR");
  command->add_option("--set", arguments->set,
                      "any other parameter: refund_share=0.1, bot_share=0");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return run(context, *arguments); };
  });
}

}  // namespace attune::cli
