// attune import
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/engine/cleaning.h"
#include "attune/engine/import.h"
#include "attune/engine/quality_view.h"
#include "column_arguments.h"
#include "context.h"

namespace attune::cli {
namespace {

struct ImportArguments {
  std::vector<std::string> files;
  std::string kind = "events", source, channel;
  ColumnArguments meaning;
  std::string delimiter, encoding, format, explode, columns, quote;
  std::optional<std::int64_t> max_line_bytes;
  std::string report;
  std::string language = "en";  // of the report
  bool no_header = false;
  bool keep_repeats = false;
  bool yes = false;
  bool profile = false;
};

constexpr std::int64_t kMaxLineBytes = 1'000'000'000;

constexpr const char* kImportExamples = R"(Examples:
  attune import orders.csv
  attune import orders.csv --map customer=CustomerID,item=StockCode,time=InvoiceDate,type=purchase
  attune import online_retail.csv.gz --preset online-retail --yes
  attune import products.csv --kind items

CSV, TSV, JSON Lines and Parquet, plain, gzip or zstd, in UTF-8, UTF-16, GB18030 or Latin-1.
An amount's sign or code ("€5", "5 EUR") is its row's currency where no column states one.
Importing a file again changes nothing. Rows that cannot be read go to a file that can be mended
and imported again.)";

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(trim(text.substr(0, end)));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
  }
  return parts;
}

Result<engine::ImportRequest> request_from(const ImportArguments& arguments) {
  engine::ImportRequest request;
  for (const std::string& file : arguments.files) request.files.emplace_back(file);
  ATTUNE_ASSIGN_OR_RETURN(request.kind, events::parse_kind(arguments.kind));
  arguments.meaning.apply(request);
  request.source = arguments.source;
  request.channel = arguments.channel;
  request.keep_repeats = arguments.keep_repeats;
  if (!arguments.format.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(request.reading.format, events::parse_file_format(arguments.format));
  }
  if (!arguments.encoding.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(request.reading.encoding, events::parse_encoding(arguments.encoding));
  }
  if (!arguments.delimiter.empty()) {
    const std::string& d = arguments.delimiter;
    request.reading.delimiter = d == "tab" || d == "\\t" ? "\t"
                                : d == "comma"           ? ","
                                : d == "blank"           ? " "
                                                         : d;
  }
  if (!arguments.quote.empty()) {
    if (arguments.quote != "none" && arguments.quote.size() != 1) {
      return std::unexpected(invalid_argument(
          fmt::format("--quote {}: write one character, such as '\"', or none", arguments.quote)));
    }
    request.reading.quote = arguments.quote == "none" ? '\0' : arguments.quote[0];
  }
  if (arguments.max_line_bytes) request.reading.max_line_bytes = *arguments.max_line_bytes;
  if (arguments.no_header) request.reading.has_header = false;
  if (!arguments.columns.empty()) request.reading.columns = split(arguments.columns, ',');
  request.reading.explode = arguments.explode;
  return request;
}

Status ask_to_start(Context& context) {
  if (!context.interactive()) {
    return std::unexpected(
        failed_precondition("the meaning of the columns was guessed; accept it with --yes, or "
                            "state it with --map or --preset"));
  }
  const std::string answer = context.ask("Start? [Y/n] ").value_or("");
  if (answer.empty() || answer[0] == 'y' || answer[0] == 'Y') return {};
  return std::unexpected(cancelled("nothing was imported; state what the columns mean with --map"));
}

// Decides what columns mean, shows it where it was guessed, and asks.
Result<std::vector<events::Mapping>> settle_mappings(Context& context,
                                                     engine::ImportRequest& request, bool yes) {
  std::vector<events::Mapping> mappings;
  bool guessed = false;
  for (const auto& file : request.files) {
    ATTUNE_ASSIGN_OR_RETURN(
        engine::ImportPreview preview,
        settle_columns(context, request, file, [&](const std::string& explanation) {
          if (!context.json) context.note(fmt::format("{}:\n{}", file.string(), explanation));
        }));
    guessed = guessed || preview.inferred;
    mappings.push_back(std::move(preview.mapping));
  }
  if (guessed && !yes) ATTUNE_RETURN_IF_ERROR(ask_to_start(context));
  return mappings;
}

Status print_result(Context& context, const engine::ImportResult& result,
                    const ImportArguments& arguments) {
  const std::string& report_file = arguments.report;
  context.end_progress();
  if (!report_file.empty()) {
    const auto language = arguments.language == "zh" ? report::Language::zh : report::Language::en;
    ATTUNE_RETURN_IF_ERROR(write_file_durably(report_file, engine::quality_page(result, language)));
  }
  if (context.json) {
    context.print(engine::import_json(result) + "\n");
    return {};
  }
  context.print(engine::quality_text(result, context.style()));
  if (arguments.profile && !result.stages.empty())
    context.print("\n" + engine::stages_text(result, context.style()));
  if (!report_file.empty()) context.print(fmt::format("The same with charts: {}\n", report_file));
  return {};
}

// A file of which nothing could be read is wrong input, though its rows are kept to be mended.
Status check_any_read(const engine::ImportResult& result) {
  const events::QualityReport& report = result.report;
  if (report.rows_read == 0 || report.rows_quarantined < report.rows_read) return {};
  const std::string rows = report.rows_read == 1
                               ? "the only row"
                               : fmt::format("all {} rows", with_thousands(report.rows_read));
  const std::string file =
      result.quarantine.empty() ? "the file" : result.quarantine.front().string();
  return std::unexpected(invalid_argument(
      fmt::format("{} had to be set aside, nothing was imported; state what the columns mean with "
                  "--map, or mend {} and import it",
                  rows, file)));
}

Status run(Context& context, const ImportArguments& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::ImportRequest request, request_from(arguments));
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open(/*create=*/true));
  ATTUNE_ASSIGN_OR_RETURN(const auto mappings, settle_mappings(context, request, arguments.yes));
  ATTUNE_ASSIGN_OR_RETURN(const engine::ImportResult result,
                          engine::run_import(workspace, request, mappings, context.progress()));
  ATTUNE_RETURN_IF_ERROR(print_result(context, result, arguments));
  context.answered = true;
  return check_any_read(result);
}

Status run_clean(Context& context) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  ATTUNE_ASSIGN_OR_RETURN(const events::CleaningRules rules, engine::cleaning_rules(workspace));
  context.progress().phase("cleaning", 0, "");
  ATTUNE_ASSIGN_OR_RETURN(const events::CleaningCounts found, engine::clean(workspace));
  context.end_progress();
  const auto values = events::CleaningRules::table().values(rules);
  if (context.json) {
    boost::json::object stated;
    for (const auto& [name, value] : values) stated[name] = value;
    context.print(
        boost::json::serialize(boost::json::object{{"refunds", found.refunds},
                                                   {"refunds_paired", found.refunds_paired},
                                                   {"outliers", found.outliers},
                                                   {"bots", found.bots},
                                                   {"rules", stated}}) +
        "\n");
    return {};
  }
  report::Table table({{"found", report::Align::left, 0}, {"rows", report::Align::right, 0}});
  table.row({"refunds whose purchase is there", with_thousands(found.refunds_paired)});
  table.row(
      {"refunds whose purchase is not", with_thousands(found.refunds - found.refunds_paired)});
  table.row({"outliers", with_thousands(found.outliers)});
  table.row({"views, searches and clicks of bots", with_thousands(found.bots)});
  context.print(table);
  std::string told;
  for (const auto& [name, value] : values)
    told += fmt::format("{}{} = {}", told.empty() ? "" : ", ", name, value);
  context.print(fmt::format("By {}. Another rule: a line in the section [cleaning] of {}.\n", told,
                            workspace.folder().settings_file().string()));
  return {};
}

void add_clean(CLI::App& app, Context& context) {
  CLI::App* command =
      app.add_subcommand("clean", "find outliers, bots and refunded purchases anew");
  std::string rules =
      "The section [cleaning] of attune.toml switches or changes a rule, for this "
      "and for every import:\n";
  const auto& table = events::CleaningRules::table();
  for (const ParameterSpec& spec : table.specs())
    rules += fmt::format("  {} = {}: {}\n", spec.name, spec.default_value, spec.help);
  command->footer(rules + "Example: attune clean --json");
  command->callback([&context] { context.action = [&context] { return run_clean(context); }; });
}

}  // namespace

void add_import(CLI::App& app, Context& context) {
  add_clean(app, context);
  auto arguments = std::make_shared<ImportArguments>();
  CLI::App* command = app.add_subcommand("import", "read events, items or customers from files");
  command->footer(kImportExamples);
  command->add_option("files", arguments->files, "files to read")->required()->type_name("FILE");
  command->add_option("--kind", arguments->kind, "events, items or customers")
      ->capture_default_str();
  arguments->meaning.add_to(*command);
  command->add_option("--source", arguments->source, "name of this feed");
  command->add_option("--channel", arguments->channel,
                      "channel of rows that name none: web, app, shop, social, …");
  command->add_option("--format", arguments->format,
                      "csv, tsv, jsonl or parquet (default: by content)");
  command->add_option("--delimiter", arguments->delimiter,
                      "between cells: , ; | tab blank :: (default: by content)");
  command->add_option(
      "--encoding", arguments->encoding,
      "utf-8, utf-16, utf-16le, utf-16be, gb18030 or latin-1 (default: by content)");
  command->add_option("--quote", arguments->quote,
                      "around cells: a character, or none where quotes mean nothing");
  command
      ->add_option("--max-line-bytes", arguments->max_line_bytes,
                   "longer lines are set aside (default: 10000000)")
      ->check(CLI::Range(std::int64_t{1}, kMaxLineBytes));
  command->add_option("--columns", arguments->columns,
                      "names of the columns where the file names none");
  command->add_flag("--no-header", arguments->no_header, "the first line is data");
  command->add_option("--explode", arguments->explode,
                      "JSON: the array whose elements are rows, such as properties.products");
  command->add_flag("--keep-repeats", arguments->keep_repeats,
                    "take exact repeats inside a file as real events");
  command->add_flag("--yes,-y", arguments->yes, "accept what was guessed about the columns");
  command->add_flag("--profile", arguments->profile,
                    "say where the time went, by stage (--json always does)");
  command->add_option("--report", arguments->report, "write the quality report as a page")
      ->type_name("FILE.html");
  command->add_option("--language", arguments->language, "of that page: en or zh")
      ->capture_default_str()
      ->check(CLI::IsMember({"en", "zh"}));
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return run(context, *arguments); };
  });
}

}  // namespace attune::cli
