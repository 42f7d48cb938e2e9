#include "context.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "attune/base/text.h"

namespace attune::cli {

std::filesystem::path Context::folder() const {
  if (!data.empty()) return data;
  if (const char* named = std::getenv("ATTUNE_DATA"); named != nullptr && *named != '\0')
    return named;
  return "attune-data";
}

Result<engine::Workspace> Context::open(bool create) {
  if (lender != nullptr) return lender->workspace.share();
  engine::WorkspaceOptions options;
  options.command = command_line;
  options.create = create;
  options.progress = &progress();
  auto opened = engine::Workspace::open(folder(), options);
  in_use = !opened && opened.error().code == ErrorCode::unavailable;
  return opened;
}

Progress& Context::progress() {
  if (lender != nullptr) return no_progress_;
  if (stop_ == nullptr) stop_ = std::make_unique<report::StopSignal>();
  if (bar_ == nullptr) {
    report::ProgressBarOptions options;
    options.stop = stop_.get();
    if (quiet) options.write = [](std::string_view) {};
    options.colour = report::terminal_style(2).colour;
    bar_ = std::make_unique<report::ProgressBar>(std::move(options));
  }
  return *bar_;
}

void Context::end_progress() {
  if (bar_ != nullptr) bar_->finish();
}

void Context::print(std::string_view text) {
  if (out) {
    out(text);
  } else {
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
}
void Context::print(const report::Table& table) { print(table.to_text(style())); }
report::TerminalStyle Context::style() const {
  return lender != nullptr ? report::TerminalStyle() : report::terminal_style(1);
}
bool Context::interactive() const {
  return lender == nullptr && (answers || report::is_terminal(0));
}

std::optional<std::string> Context::ask(std::string_view question) {
  end_progress();
  if (answers) return answers(question);
  std::cerr << question << std::flush;
  std::string answer;
  if (!std::getline(std::cin, answer)) return std::nullopt;
  return answer;
}

void Context::complain(std::string_view text) const {
  if (err) {
    err(text);
  } else {
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
}

void Context::note(std::string_view text) {
  end_progress();
  complain(std::string(text) + "\n");
}

std::string error_json(const Error& error) {
  const boost::json::object body{
      {"code", info(error.code).name}, {"message", error.message}, {"context", error.context}};
  return boost::json::serialize(boost::json::object{{"error", body}}) + "\n";
}

int fail(Context& context, const Error& error) {
  if (context.json && !context.answered) context.print(error_json(error));
  context.complain(fmt::format("attune: {}\n", error.message));
  if (!error.context.empty()) context.complain(fmt::format("  while {}\n", error.context));
  return info(error.code).exit_status;
}

Result<Timestamp> parse_moment(std::string_view text, const TimeZone& zone) {
  ATTUNE_ASSIGN_OR_RETURN(const IsoTime read, parse_iso(text));
  CivilTime civil = read.civil;
  if (text.size() <= 10) {
    civil.hour = 23;
    civil.minute = 59;
    civil.second = 59;
    civil.micros = 999'999;
  }
  if (!read.offset_minutes) return zone.from_civil(civil);
  return Timestamp{utc_from_civil(civil).micros - *read.offset_minutes * kMicrosPerMinute};
}

void ProfileSettings::add_to(CLI::App& command) {
  command.add_option(
      "--as-of", as_of,
      "read profiles as of this day, such as 2011-12-09 (default: the last day with events)");
  command
      .add_option(
          "--set", set,
          "a declared parameter: rfm.k=4, lifecycle.new_days=14, interest.half_life_days=60")
      ->allow_extra_args(false);
}

Result<engine::Customers::Options> ProfileSettings::options(
    const engine::Workspace& workspace) const {
  engine::Customers::Options options;
  if (!as_of.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(options.as_of, parse_moment(as_of, workspace.zone()));
  }
  for (const std::string& text : set) {
    ATTUNE_ASSIGN_OR_RETURN(const engine::Setting setting, engine::parse_setting(text));
    if (setting.scope == "rfm") {
      ATTUNE_RETURN_IF_ERROR(
          profiles::RfmParameters::table().set(options.rfm, setting.parameter, setting.value));
    } else if (setting.scope == "lifecycle") {
      ATTUNE_RETURN_IF_ERROR(profiles::LifecycleParameters::table().set(
          options.lifecycle, setting.parameter, setting.value));
    } else if (setting.scope == "interest") {
      ATTUNE_RETURN_IF_ERROR(profiles::BehaviourWeights::table().set(
          options.weights, setting.parameter, setting.value));
    } else {
      const std::vector<std::string> scopes{"rfm", "lifecycle", "interest"};
      return std::unexpected(not_found(
          fmt::format("--set {}: there is no '{}' here; there are rfm, lifecycle and interest{}",
                      text, setting.scope, did_you_mean(setting.scope, scopes))));
    }
  }
  return options;
}

std::string money(std::int64_t minor, const Currency& currency) {
  std::string text = to_string(Money{minor, currency});
  const std::size_t point = text.find_first_of(". ");
  const std::size_t digits = point == text.npos ? text.size() : point;
  for (std::size_t at = digits; at > 3 + (text[0] == '-');) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string date_of(Timestamp time, const TimeZone& zone) {
  const CivilTime civil = zone.to_civil(time);
  return fmt::format("{:04}-{:02}-{:02}", civil.year, civil.month, civil.day);
}

}  // namespace attune::cli
