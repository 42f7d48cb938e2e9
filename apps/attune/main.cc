// The one program: parses the command line, runs one command, tells how it went by its exit status.
#include <cstdio>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "attune/base/error.h"
#include "context.h"

namespace {

constexpr const char* kFooter = R"(Examples:
  attune import orders.csv             what the columns mean is guessed and shown before it starts
  attune train && attune recommend --customer 17850 --explain
  attune report --output report.html   one page: data quality, RFM, segments, leaderboard

Exit status: 0 all is well; 2 wrong input; 3 not found; 4 exists already; 5 something has to be
done first; 7 disk, memory or quota; 8 in use, try later; 9 damaged data; 10 not allowed;
70 a defect of Attune; 130 stopped.)";

}  // namespace

int main(int count, char** arguments) {
  attune::cli::Context context;
  context.command_line = "attune";
  for (int i = 1; i < count && i < 4; ++i) context.command_line += std::string(" ") + arguments[i];

  CLI::App app(
      "Attune: from a shop's events to who its customers are, what they would like, and why.",
      "attune");
  app.set_version_flag("--version", "attune " ATTUNE_VERSION);
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_all_flag("--help-all", "help of every command");
  app.add_option("--data", context.data,
                 "the data folder (default: $ATTUNE_DATA, else ./attune-data)")
      ->type_name("DIR");
  app.add_flag("--json", context.json, "answer in JSON");
  app.add_flag("--quiet,-q", context.quiet, "no progress");
  attune::cli::add_import(app, context);
  attune::cli::add_customers(app, context);
  attune::cli::add_recommend(app, context);
  attune::cli::add_export(app, context);
  attune::cli::add_simulate(app, context);
  attune::cli::add_demo(app, context);
  attune::cli::add_serve(app, context);
  attune::cli::add_admin(app, context);
  try {
    app.parse(count, arguments);
  } catch (const CLI::ParseError& wrong) {
    const int status = app.exit(wrong);
    return status == 0 ? 0 : attune::info(attune::ErrorCode::invalid_argument).exit_status;
  }
  attune::Status done;
  try {
    done = context.action();
  } catch (const std::bad_alloc&) {
    done = std::unexpected(attune::resource_exhausted(
        "out of memory; set memory_limit_mb in attune.toml or work on fewer rows"));
  }
  context.end_progress();
  std::fflush(stdout);
  return done ? 0 : attune::cli::fail(context, done.error());
}
