// What every command shares: the data folder, how to talk, how to fail. Answers: where is the shop,
// who is reading, and what does the exit status say?
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/engine/customers.h"
#include "attune/engine/recommendations.h"
#include "attune/engine/workspace.h"
#include "attune/report/progress_bar.h"
#include "attune/report/table.h"

namespace CLI {
class App;
}

namespace attune::cli {

// A service that does somebody's command on the shop that it has open.
struct Lender {
  engine::Workspace workspace;
  // Lets the others at the stores: what was read is all that the command may use from then on.
  std::function<void()> release;
  // As a job of the service. Called after `release`.
  std::function<Result<std::vector<engine::ModelMeta>>(engine::TrainRequest)> train;
};

// Lives as long as the program. Commands are registered on the parser with a function that runs
// after parsing.
class Context {
 public:
  // Set by the parser.
  std::string data;          // --data, else ATTUNE_DATA, else ./attune-data
  bool json = false;         // machine-readable answer on standard output
  bool quiet = false;        // no progress
  std::string command_line;  // shown to others that find the folder in use

  using Action = std::function<Status()>;
  Action action;  // of the command that was chosen

  std::filesystem::path folder() const;
  // Opens the shop. Errors: not_found naming `attune import` where there is none.
  Result<engine::Workspace> open(bool create = false);
  Progress& progress();
  // Ends the line that moves, before anything is printed.
  void end_progress();

  // Where answers go; empty: standard output and standard error. Set by a service, which runs the
  // commands of others.
  std::function<void(std::string_view)> out, err;
  // open() gives the shop that is lent instead of opening a folder; null: nobody lends one.
  Lender* lender = nullptr;
  // The answer in JSON is out, and what failed stands beside it: on standard error alone.
  bool answered = false;
  // Somebody else has the folder open: open() found that.
  bool in_use = false;

  // Standard output.
  void print(std::string_view text);
  void print(const report::Table& table);
  report::TerminalStyle style() const;
  // Standard error: what a person should know besides the answer.
  void note(std::string_view text);
  // Standard error, as it is.
  void complain(std::string_view text) const;
  // Somebody sits there and can be asked.
  bool interactive() const;
  // A line of theirs. Absent: they have gone.
  std::optional<std::string> ask(std::string_view question);
  // Who answers instead of the terminal; empty: nobody does.
  std::function<std::optional<std::string>(std::string_view)> answers;

 private:
  std::unique_ptr<report::StopSignal> stop_;
  std::unique_ptr<report::ProgressBar> bar_;
  NoProgress no_progress_;
};

// Prints the error and gives the exit status.
int fail(Context& context, const Error& error);
// {"error": {"code", "message", "context"}}, with the line's end.
std::string error_json(const Error& error);

// "2011-12-09" or an ISO time as a moment; a day alone means its end, in the shop's zone.
Result<Timestamp> parse_moment(std::string_view text, const TimeZone& zone);

// Settings of --set whose scope is one of `scopes` are applied to their struct; others are errors
// naming the scopes.
struct ProfileSettings {
  std::vector<std::string> set;  // --set
  std::string as_of;             // --as-of
  void add_to(CLI::App& command);
  Result<engine::Customers::Options> options(const engine::Workspace& workspace) const;
};

// The format that `stated` or the file's name asks for. Errors: invalid_argument.
Result<store::TableFormat> table_format(const std::string& file, const std::string& stated);

std::string money(std::int64_t minor, const Currency& currency);
std::string date_of(Timestamp time, const TimeZone& zone);

void add_import(CLI::App& app, Context& context);
void add_admin(CLI::App& app, Context& context);
void add_customers(CLI::App& app, Context& context);
void add_recommend(CLI::App& app, Context& context);
void add_campaign(CLI::App& app, Context& context);
void add_consent(CLI::App& app, Context& context);
void add_experiment(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_simulate(CLI::App& app, Context& context);
void add_serve(CLI::App& app, Context& context);
void add_demo(CLI::App& app, Context& context);

}  // namespace attune::cli
