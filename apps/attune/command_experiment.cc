// attune experiment analyse, plan: what was changed, and how many customers it takes to see it.
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/engine/experiment.h"
#include "context.h"

namespace attune::cli {
namespace {

struct AnalyseArguments {
  engine::ExperimentRequest request;
  std::string file, format, html;
  bool sequential = false;
};

Status run_analyse(Context& context, AnalyseArguments& arguments) {
  engine::ExperimentRequest& request = arguments.request;
  request.file = arguments.file;
  if (arguments.sequential != (request.options.planned > 0)) {
    return std::unexpected(invalid_argument(
        "--sequential and --planned N belong together: how many customers will there be at the "
        "planned end?"));
  }
  if (!arguments.format.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(request.reading.format, events::parse_file_format(arguments.format));
  }
  ATTUNE_ASSIGN_OR_RETURN(const engine::ExperimentReport report,
                          engine::analyse_experiment(request, context.progress()));
  context.end_progress();
  if (!arguments.html.empty()) {
    ATTUNE_RETURN_IF_ERROR(write_file_durably(arguments.html, engine::experiment_page(report)));
  }
  if (context.json) {
    context.print(engine::experiment_json(report) + "\n");
    return {};
  }
  context.print(engine::experiment_text(report, context.style()));
  if (!arguments.html.empty()) context.print(fmt::format("Page: {}\n", arguments.html));
  return {};
}

void add_analyse(CLI::App& group, Context& context) {
  auto arguments = std::make_shared<AnalyseArguments>();
  engine::ExperimentRequest& request = arguments->request;
  CLI::App* command = group.add_subcommand("analyse", "what a table of customers says");
  command->footer(
      "Examples:\n"
      "  attune experiment analyse mailing.csv --arm segment --control none --metric visit spend\n"
      "  attune experiment analyse shop.csv --arm page --control old --ratio revenue/orders \\\n"
      "      --covariate spent_before --by country --html answer.html\n"
      "  attune experiment analyse so_far.csv --arm page --control old --metric bought \\\n"
      "      --sequential --planned 20000");
  command->add_option("file", arguments->file, "CSV, JSON Lines or Parquet, one row a customer")
      ->required()
      ->type_name("FILE");
  command->add_option("--arm", request.arm, "column that says who got what")->required();
  command->add_option("--control", request.control, "its value of those who got nothing")
      ->required();
  command->add_option("--metric", request.metrics, "columns of numbers, or of true and false");
  command->add_option("--ratio", request.ratios, "a sum over a sum: revenue/orders");
  command->add_option("--covariate", request.covariates,
                      "columns known before the assignment: they make intervals narrower");
  command->add_option("--by", request.by, "column to break down by");
  command->add_option("--customer", request.customer,
                      "column of ids, to make sure that nobody stands there twice");
  command->add_option("--share", request.shares,
                      "planned share of an arm: none=0.1 (default: equal)");
  command->add_option("--level", request.options.level, "confidence of intervals")
      ->capture_default_str();
  command->add_flag("--sequential", arguments->sequential,
                    "intervals that may be looked at daily; needs --planned");
  command
      ->add_option("--planned", request.options.planned,
                   "customers at the planned end of the experiment")
      ->check(CLI::PositiveNumber);
  command->add_option("--html", arguments->html, "write a page with charts")->type_name("FILE");
  command->add_option("--format", arguments->format,
                      "csv, jsonl or parquet (default: by content and name)");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return run_analyse(context, *arguments); };
  });
}

struct PlanArguments {
  engine::ExperimentPlanRequest request;
};

boost::json::object plan_json(const measure::Plan& plan) {
  return {{"effect", plan.effect},
          {"customers", plan.customers},
          {"control", plan.control},
          {"treatment", plan.treatment},
          {"power", plan.power}};
}

Status run_plan(Context& context, const PlanArguments& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(const measure::Plan plan, engine::plan_experiment(arguments.request));
  if (context.json) {
    context.print(boost::json::serialize(plan_json(plan)) + "\n");
    return {};
  }
  const measure::PlanOptions& options = arguments.request.options;
  const bool several = options.treatments > 1;
  context.print(fmt::format(
      "{} customers: {} in the control, {} in {}. An effect of {:.6g} or more is called in {:.0f}% "
      "of such experiments{}.\n",
      with_thousands(plan.customers), with_thousands(plan.control), with_thousands(plan.treatment),
      several ? "each treatment" : "the treatment", plan.effect, 100 * plan.power,
      options.sequential ? ", looked at daily" : ""));
  return {};
}

void add_plan(CLI::App& group, Context& context) {
  auto arguments = std::make_shared<PlanArguments>();
  engine::ExperimentPlanRequest& request = arguments->request;
  CLI::App* command = group.add_subcommand("plan", "how many customers it takes, before the start");
  command->footer(
      "Examples:\n"
      "  attune experiment plan --rate 0.10 --effect 0.01             customers needed\n"
      "  attune experiment plan --rate 0.10 --customers 5000          effect that they show\n"
      "  attune experiment plan --deviation 40 --effect 2 --correlation 0.6 --control-share 0.1");
  command->add_option("--rate", request.rate, "share of customers who do it without treatment");
  command->add_option("--deviation", request.deviation,
                      "or, of a mean: standard deviation between customers");
  command->add_option("--effect", request.effect, "absolute: 0.01 is one percentage point");
  command->add_option("--customers", request.customers, "or how many there are, in all arms");
  command->add_option("--power", request.options.power, "chance to call the effect")
      ->capture_default_str();
  command->add_option("--level", request.options.level, "confidence of intervals")
      ->capture_default_str();
  command->add_option("--treatments", request.options.treatments, "arms beside the control")
      ->capture_default_str();
  command->add_option("--control-share", request.options.control_share, "of all customers")
      ->capture_default_str();
  command->add_option("--correlation", request.options.correlation,
                      "of the metric with covariates known before");
  command->add_flag("--sequential", request.options.sequential, "looked at daily");
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return run_plan(context, *arguments); };
  });
}

}  // namespace

void add_experiment(CLI::App& app, Context& context) {
  CLI::App* group =
      app.add_subcommand("experiment", "what a treatment changed, and how sure it is");
  group->require_subcommand(1);
  group->footer(
      "Example: attune experiment analyse mailing.csv --arm segment --control none --metric visit");
  add_analyse(*group, context);
  add_plan(*group, context);
}

}  // namespace attune::cli
