#include "column_arguments.h"

#include <utility>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "attune/base/text.h"

namespace attune::cli {
namespace {

void join(std::string& map, const std::string& piece) { map += (map.empty() ? "" : ",") + piece; }

// Asks for each field that is missing; false where no answer came.
bool ask_for(Context& context, const std::vector<events::MissingField>& missing, std::string& map) {
  bool answered = false;
  for (const events::MissingField& field : missing) {
    const bool type = field.field == "type";
    const auto answer =
        context.ask(fmt::format("Which column gives the {}?{} ", field.field,
                                type ? " Or what every row is: purchase, view, rating …" : ""));
    const std::string column = answer ? std::string(trim(*answer)) : std::string();
    if (column.empty()) continue;
    join(map, fmt::format("{}=\"{}\"", field.field, column));
    answered = true;
  }
  return answered;
}

}  // namespace

void ColumnArguments::add_to(CLI::App& command) {
  command.add_option("--map", map, "which column gives what: customer=CustomerID,item=StockCode,…");
  command.add_option("--preset", preset, "a known format: online-retail, movielens, segment, ga4");
  command.add_option("--currency", currency, "currency of amounts that name none, such as GBP");
  command.add_option("--time-zone", time_zone,
                     "zone of times that name none (default: the shop's)");
}

void ColumnArguments::apply(engine::ImportRequest& request) const {
  request.map = map;
  if (!time_zone.empty()) join(request.map, "time.zone=" + time_zone);
  request.preset = preset;
  request.currency = currency;
}

Result<engine::ImportPreview> settle_columns(Context& context, engine::ImportRequest& request,
                                             const std::filesystem::path& file,
                                             const std::function<void(const std::string&)>& show) {
  std::string agreed =
      request.map;  // without the answers that a look at the file has still to meet
  bool shown = false;
  while (true) {
    auto preview = engine::preview_import(request, file);
    if (!preview) {
      // An answer that names no column is asked for again; what the command line says is an error.
      if (request.map == agreed) return preview;
      context.note(preview.error().message);
      request.map = agreed;
      continue;
    }
    if (!std::exchange(shown, true)) {
      if (preview->inferred) show(preview->explanation);
      for (const std::string& note : preview->notes) context.note(note);
    }
    if (preview->missing.empty()) return preview;
    agreed = request.map;
    if (context.interactive() && ask_for(context, preview->missing, request.map)) continue;
    std::string remedies;
    for (const events::MissingField& field : preview->missing)
      remedies += fmt::format("\n  {}", field.remedy);
    return std::unexpected(invalid_argument(fmt::format(
        "{}: it is not clear which column gives what; add{}", file.string(), remedies)));
  }
}

}  // namespace attune::cli
