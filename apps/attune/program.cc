#include "program.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include <sched.h>
#include <unistd.h>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "attune/base/error.h"
#include "attune/base/text.h"

namespace attune::cli {
namespace {

constexpr const char* kProgramExamples = R"(Examples:
  attune import orders.csv             what the columns mean is guessed and shown before it starts
  attune train && attune recommend --customer 17850 --explain
  attune report --output report.html   one page: data quality, RFM, segments, leaderboard
  attune serve                         events over HTTP, answers at once

Exit status: 0 all is well; 2 wrong input; 3 not found; 4 exists already; 5 something has to be
done first; 7 disk, memory or quota; 8 in use, try later; 9 damaged data; 10 not allowed;
70 a defect of Attune; 130 stopped.)";

// For how long a command waits for a service that is starting.
constexpr int kStartLooks = 100;
constexpr auto kStartLook = std::chrono::milliseconds(200);

// These open no folder that a service may have, or another one.
constexpr std::array kOwn{"serve", "simulate", "demo", "restore", "experiment"};

void add_commands(CLI::App& app, Context& context) {
  app.set_version_flag("--version", "attune " ATTUNE_VERSION);
  app.footer(kProgramExamples);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_all_flag("--help-all", "help of every command");
  app.add_option("--data", context.data,
                 "the data folder (default: $ATTUNE_DATA, else ./attune-data)")
      ->type_name("DIR");
  app.add_flag("--json", context.json, "answer in JSON");
  app.add_flag("--quiet,-q", context.quiet, "no progress");
  add_import(app, context);
  add_customers(app, context);
  add_recommend(app, context);
  add_export(app, context);
  add_campaign(app, context);
  add_consent(app, context);
  add_experiment(app, context);
  add_simulate(app, context);
  add_demo(app, context);
  add_serve(app, context);
  add_admin(app, context);
}

// What is wrong with the first word that should name a command and does not; empty: none is.
std::string unknown_command(CLI::App& app, const std::vector<std::string>& arguments) {
  CLI::App* at = &app;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (word == "--data") ++i;
    if (word.starts_with("-")) continue;
    std::vector<std::string> names;
    CLI::App* found = nullptr;
    for (CLI::App* command : at->get_subcommands([](CLI::App*) { return true; })) {
      names.push_back(command->get_name());
      if (names.back() == word) found = command;
    }
    if (names.empty()) return {};  // the words of a command of its own
    if (found == nullptr) {
      const std::string group = at == &app ? "attune" : "attune " + at->get_name();
      return fmt::format("there is no command '{}'; {} --help names them{}", attune::quoted(word),
                         group, did_you_mean(word, names));
    }
    at = found;
  }
  return {};
}

Status act(Context& context) {
  try {
    return context.action();
  } catch (const std::bad_alloc&) {
    return std::unexpected(resource_exhausted(
        "out of memory; set memory_limit_mb in attune.toml or work on fewer rows"));
  }
}

}  // namespace

int run_program(const std::vector<std::string>& arguments, Context& context) {
  context.command_line = "attune";
  for (std::size_t i = 0; i < arguments.size() && i < 3; ++i)
    context.command_line += " " + arguments[i];
  CLI::App app(
      "Attune: from a shop's events to who its customers are, what they would like, and why.",
      "attune");
  add_commands(app, context);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& wrong) {
    std::ostringstream out, err;
    const int status = app.exit(wrong, out, err);
    context.print(out.str());
    const std::string unknown = status == 0 ? "" : unknown_command(app, arguments);
    context.complain(unknown.empty() ? err.str() : fmt::format("attune: {}\n", unknown));
    if (status == 0) return 0;
    // The flag may stand behind the word that stopped the parser.
    if (std::ranges::find(arguments, "--json") != arguments.end())
      context.print(error_json(invalid_argument(unknown.empty() ? wrong.what() : unknown)));
    return info(ErrorCode::invalid_argument).exit_status;
  }
  const std::string chosen = app.get_subcommands().front()->get_name();
  const bool may_forward =
      context.lender == nullptr && std::ranges::find(kOwn, chosen) == kOwn.end();
  Status done;
  // A service that is just starting has the folder open before it listens.
  for (int i = 0; i <= kStartLooks; ++i) {
    if (may_forward) {
      if (const auto status = forward(context.folder(), arguments, chosen == "train", context))
        return *status;
    }
    done = act(context);
    if (!may_forward || !context.in_use || !is_starting(context.folder())) break;
    std::this_thread::sleep_for(kStartLook);
  }
  context.end_progress();
  return done ? 0 : fail(context, done.error());
}

std::string run_for_another(const std::string& request, const Lend& lend) {
  namespace json = boost::json;
  std::string out, err;
  int status = info(ErrorCode::invalid_argument).exit_status;
  boost::system::error_code failure;
  const json::value value = json::parse(request, failure);
  const json::object* object = failure ? nullptr : value.if_object();
  const json::value* list = object == nullptr ? nullptr : object->if_contains("arguments");
  const json::value* place = object == nullptr ? nullptr : object->if_contains("directory");
  if (list == nullptr || !list->is_array() || place == nullptr || !place->is_string()) {
    return json::serialize(json::object{
        {"status", status}, {"out", ""}, {"err", "attune: the command cannot be read\n"}});
  }
  std::vector<std::string> arguments;
  for (const json::value& one : list->as_array())
    arguments.emplace_back(one.is_string() ? std::string(one.as_string()) : std::string());
  // A thread may have a working directory of its own: paths mean what they mean to the asker.
  std::jthread([&] {
    if (::unshare(CLONE_FS) != 0 || ::chdir(place->as_string().c_str()) != 0) {
      err = "attune: the service cannot go to your working directory; name files by full paths\n";
      return;
    }
    lend([&](Lender& lender) {
      Context context;
      context.lender = &lender;
      context.out = [&](std::string_view text) { out += text; };
      context.err = [&](std::string_view text) { err += text; };
      status = run_program(arguments, context);
    });
  }).join();
  return json::serialize(json::object{{"status", status}, {"out", out}, {"err", err}});
}

}  // namespace attune::cli
