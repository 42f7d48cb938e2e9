// attune export
#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/engine/export.h"
#include "context.h"

namespace attune::cli {
namespace {

struct ExportArguments {
  std::string what, output, format;
  engine::ExportOptions options;
  ProfileSettings settings;
};

Status run(Context& context, ExportArguments& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(arguments.options.kind, engine::parse_export_kind(arguments.what));
  if (arguments.output.empty())
    arguments.output = arguments.what + "." + (arguments.format.empty() ? "csv" : arguments.format);
  arguments.options.file = arguments.output;
  ATTUNE_ASSIGN_OR_RETURN(arguments.options.format,
                          table_format(arguments.output, arguments.format));
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  ATTUNE_ASSIGN_OR_RETURN(arguments.options.profiles, arguments.settings.options(workspace));
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t rows,
                          engine::export_table(workspace, arguments.options, context.progress()));
  context.end_progress();
  if (context.json) {
    context.print(
        boost::json::serialize(boost::json::object{{"rows", rows}, {"file", arguments.output}}) +
        "\n");
  } else {
    context.print(
        fmt::format("{} {} in {}\n", with_thousands(rows), arguments.what, arguments.output));
  }
  return {};
}

}  // namespace

Result<store::TableFormat> table_format(const std::string& file, const std::string& stated) {
  if (!stated.empty()) return store::parse_table_format(stated);
  const std::string extension = std::filesystem::path(file).extension().string();
  if (extension == ".parquet") return store::TableFormat::parquet;
  if (extension == ".jsonl" || extension == ".ndjson") return store::TableFormat::jsonl;
  if (extension == ".csv" || extension.empty()) return store::TableFormat::csv;
  return std::unexpected(
      invalid_argument(fmt::format("it is not clear in which format to write {}; name it .csv, "
                                   ".jsonl or .parquet, or say --format",
                                   file)));
}

void add_export(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ExportArguments>();
  CLI::App* command = app.add_subcommand("export", "write what the shop knows to a file");
  command->footer(
      "Examples:\n  attune export events --output events.parquet\n  attune export profiles "
      "--segment vip --output vip.csv");
  command
      ->add_option("what", arguments->what,
                   "events, items, customers, profiles, segments or recommendations")
      ->required();
  command->add_option("--output,-o", arguments->output, "the file (default: WHAT.csv)")
      ->type_name("FILE");
  command->add_option("--format", arguments->format,
                      "csv, jsonl or parquet (default: by the file's name)");
  command->add_option("--segment", arguments->options.segment,
                      "profiles: only members of this segment");
  command->add_option("--model", arguments->options.model, "recommendations: by this recommender");
  command->add_option("-k", arguments->options.k, "recommendations: length of lists")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  arguments->settings.add_to(*command);
  command->callback([&context, arguments] {
    context.action = [&context, arguments] { return run(context, *arguments); };
  });
}

}  // namespace attune::cli
