#include "attune/engine/import.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/engine/cleaning.h"
#include "attune/events/quarantine.h"
#include "attune/events/staged_import.h"
#include "foreign_amounts.h"
#include "import_file.h"
#include "import_report.h"
#include "import_rows.h"
#include "stage_clock.h"

namespace attune::engine {
namespace {

using events::Kind;
using events::Mapping;

std::string file_list(const ImportRequest& request) {
  std::string list;
  for (const auto& file : request.files)
    list += (list.empty() ? "" : ", ") + file.filename().string();
  return list;
}

Status count_distinct(Workspace& workspace, events::QualityReport& report) {
  ATTUNE_ASSIGN_OR_RETURN(report.distinct["customers"], workspace.identity().customers());
  ATTUNE_ASSIGN_OR_RETURN(report.distinct["anonymous"], workspace.identity().anonymous());
  ATTUNE_ASSIGN_OR_RETURN(report.distinct["items"], workspace.catalog().count());
  ATTUNE_ASSIGN_OR_RETURN(
      const auto orders,
      workspace.history().find_int64("SELECT count(DISTINCT order_id) FROM visible_rows"));
  report.distinct["orders"] = orders.value_or(0);
  return {};
}

void drop_forgotten_examples(const Workspace& workspace, events::QualityReport& report) {
  if (!workspace.forgets_anybody()) return;
  for (auto& [code, reason] : report.reasons) {
    std::erase_if(reason.examples, [&](const events::ReasonExample& example) {
      return workspace.names_forgotten(example.text);
    });
  }
}

// How the rows of a file of refused ones were read when they were set aside; absent: nobody knows.
Result<std::optional<Mapping>> mapping_of_refused(Kind kind, const std::filesystem::path& file) {
  const std::filesystem::path beside = mapping_beside(file);
  std::error_code ignored;
  if (!std::filesystem::exists(beside, ignored)) return std::optional<Mapping>();
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(beside));
  auto known = events::parse_mapping(kind, trim(text));
  if (known) return std::optional(std::move(*known));
  return std::unexpected(
      invalid_argument(fmt::format("{}: {}; mend it, or remove it and say the mapping with --map",
                                   beside.string(), known.error().message)));
}

// Fills a preview with what names and values of the columns tell.
void infer(Kind kind, const events::RecordReader& records, const events::RecordBatch& sample,
           const Mapping& stated, ImportPreview& preview) {
  events::Inference inference = events::infer_mapping(kind, records.columns(), sample, stated);
  preview.mapping = inference.mapping;
  preview.inferred = !inference.guesses.empty();
  // Columns of a customer or item file that mean nothing to the engine are what the shop knows of
  // them: kept as attributes.
  const std::string rest = kind == Kind::customers ? "customer." : "item.";
  if (kind != Kind::events && !inference.unused.empty() && !preview.mapping.has(rest + "*")) {
    preview.mapping.fields[rest + "*"].columns = {"*"};
    for (const std::string& column : std::exchange(inference.unused, {}))
      inference.guesses.push_back({rest + column, column, "", 1, "kept under its own name"});
  }
  preview.explanation = events::print_inference(inference, records.columns(), sample);
  preview.missing = inference.missing;
}

}  // namespace

Result<ImportPreview> preview_import(const ImportRequest& request,
                                     const std::filesystem::path& file) {
  ImportPreview preview;
  preview.file = file;
  std::optional<events::Preset> preset;
  events::ReadOptions reading = request.reading;
  if (!request.preset.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const std::filesystem::path presets, events::find_presets());
    ATTUNE_ASSIGN_OR_RETURN(preset, events::Preset::load(presets, request.preset));
    ATTUNE_ASSIGN_OR_RETURN(const events::ReadOptions wanted, preset->reading(request.kind));
    reading = events::merge(wanted, request.reading);
  }
  ATTUNE_ASSIGN_OR_RETURN(const auto refused, events::quarantine_format(file));
  if (refused) {
    reading = events::quarantine_reading(*refused, reading);
    preview.notes.push_back(fmt::format(
        "{}: rows that an import set aside, written as {}; what is said of format, encoding, "
        "delimiter, header and names of columns is of the file that they came from",
        file.string(),
        *refused == events::FileFormat::csv ? "UTF-8 with commas and a header"
                                            : "JSON Lines in UTF-8"));
  }
  Mapping stated;
  stated.kind = request.kind;
  if (!request.map.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(stated, events::parse_mapping(request.kind, request.map));
  }
  std::optional<Mapping> known_of_refused;
  if (refused) {
    ATTUNE_ASSIGN_OR_RETURN(known_of_refused, mapping_of_refused(request.kind, file));
  }
  ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<events::RecordReader> records,
                          events::open_records(file, reading));
  ATTUNE_ASSIGN_OR_RETURN(const events::RecordBatch* sample, records->sample());
  if (preset) {
    ATTUNE_ASSIGN_OR_RETURN(const Mapping known, preset->mapping(request.kind, records->columns()));
    preview.mapping = events::merge(known, stated);
    if (known_of_refused) preview.mapping = events::merge(*known_of_refused, preview.mapping);
  } else if (known_of_refused) {
    preview.mapping = events::merge(*known_of_refused, stated);
    preview.notes.push_back(
        fmt::format("{}: columns and times are read as when these rows were "
                    "set aside ({})",
                    file.string(), mapping_beside(file).filename().string()));
  } else {
    infer(request.kind, *records, *sample, stated, preview);
  }
  preview.mapping.kind = request.kind;
  preview.mapping.reading = refused ? reading : events::merge(preview.mapping.reading, reading);
  if (preview.missing.empty()) {
    ATTUNE_RETURN_IF_ERROR(
        events::check_mapping(preview.mapping, records->columns(), file.string()));
  }
  preview.assumptions = records->assumptions();
  return preview;
}

Result<ImportResult> run_import(Workspace& workspace, const ImportRequest& request,
                                const std::vector<Mapping>& mappings, Progress& to) {
  StageClock progress(to);
  const auto begun = std::chrono::steady_clock::now();
  ATTUNE_CHECK(mappings.size() == request.files.size(), "one mapping a file");
  ATTUNE_ASSIGN_OR_RETURN(const events::CleaningRules rules, cleaning_rules(workspace));
  ATTUNE_ASSIGN_OR_RETURN(const Workspace::ImportPlace place, workspace.next_import());
  ATTUNE_ASSIGN_OR_RETURN(const Sequence checked_through, workspace.event_history().cursor());
  ATTUNE_ASSIGN_OR_RETURN(const events::KeySet known, workspace.event_history().keys());
  ATTUNE_ASSIGN_OR_RETURN(events::StagedImportWriter staged,
                          events::StagedImportWriter::create(
                              place.folder, {request.keep_repeats, &known, request.files.size(),
                                             forgotten_rows(workspace)}));
  ChangeRows changes(workspace, import_settings(workspace, request).source);
  ImportResult result;
  std::vector<events::QualityReport> reports;
  for (std::size_t i = 0; i < request.files.size(); ++i) {
    FileImport file(workspace, request, staged, changes, progress);
    const std::string refused = i == 0 ? "quarantine" : fmt::format("quarantine-{}", i + 1);
    auto report = file.run(request.files[i], mappings[i], place.folder / refused);
    if (!report)
      return std::unexpected(report.error().within("importing " + request.files[i].string()));
    reports.push_back(std::move(*report));
    result.rows_known += file.known();
    if (!file.quarantine_file().empty()) result.quarantine.push_back(file.quarantine_file());
  }
  result.report = events::combine(reports);
  result.report.file = file_list(request);
  drop_forgotten_examples(workspace, result.report);
  result.rows_new = staged.rows();
  if (result.rows_new == 0 && result.quarantine.empty()) {
    ATTUNE_RETURN_IF_ERROR(count_distinct(workspace, result.report));
    result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    return result;  // the writer removes the folder
  }
  ATTUNE_RETURN_IF_ERROR(staged.finish());
  result.number = place.number;
  Sequence first{INT64_MAX};
  if (result.rows_new > 0) {
    ATTUNE_ASSIGN_OR_RETURN(
        first, workspace.commit_import(place, result.rows_new, checked_through, progress));
  } else {
    ATTUNE_RETURN_IF_ERROR(workspace.note_import(place));
  }
  progress.phase("cleaning", 0, "");
  ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace.identity().merges());
  ATTUNE_RETURN_IF_ERROR(workspace.event_history().clean(rules, workspace.zone(), merges));
  ATTUNE_ASSIGN_OR_RETURN(result.cleaning, tell_cleaning(workspace, first, result.report));
  ATTUNE_RETURN_IF_ERROR(tell_foreign_amounts(workspace, first, result.report));
  progress.phase("counting", 0, "");
  ATTUNE_RETURN_IF_ERROR(count_distinct(workspace, result.report));
  ATTUNE_RETURN_IF_ERROR(
      workspace.save_import_report(place.number, result.report.file, result.report.to_json()));
  result.stages = progress.stages();
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return result;
}

}  // namespace attune::engine
