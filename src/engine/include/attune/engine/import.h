// A user's files become events. Answers: what do the columns mean, what came in, what did not, and
// why?
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/engine/workspace.h"
#include "attune/events/mapping.h"
#include "attune/events/quality.h"
#include "attune/events/record.h"

namespace attune::engine {

struct ImportRequest {
  std::vector<std::filesystem::path> files;
  events::Kind kind = events::Kind::events;
  std::string map;       // text of --map; empty: none
  std::string preset;    // name; empty: none
  std::string source;    // feed; empty: "import"
  std::string channel;   // for rows that name none
  std::string currency;  // for amounts that name none; empty: the reporting currency
  events::ReadOptions reading;
  bool keep_repeats = false;
};

// What an import would do with one file.
struct ImportPreview {
  std::filesystem::path file;
  events::Mapping mapping;
  std::string explanation;  // a table for a terminal: field, column, example, confidence, reason
  std::vector<events::MissingField> missing;  // empty: the import can start
  std::vector<std::string> notes;             // what the user should know besides
  std::vector<events::Assumption> assumptions;
  bool inferred = false;  // something was guessed
};

// Where the time of an import went. Stages follow each other; the parts of one run side by side.
struct ImportStage {
  struct Part {
    std::string name;
    double cpu_seconds = 0;
  };
  std::string name;  // "reading", "numbering", "applying", "cleaning", "counting"
  double wall_seconds = 0;
  double cpu_seconds = 0;  // of all threads
  std::vector<Part> parts;
};

struct ImportResult {
  std::int64_t number = 0;       // of the import; 0 when nothing new came
  std::int64_t rows_new = 0;     // rows that became events
  std::int64_t rows_known = 0;   // rows that earlier imports brought
  events::QualityReport report;  // over all files
  std::vector<std::filesystem::path>
      quarantine;                   // files to mend and import again; only where rows were refused
  events::CleaningCounts cleaning;  // of its own rows
  std::vector<ImportStage> stages;
  double seconds = 0;
};

// Decides what each column means. Errors: those of opening the file, parse_mapping, presets.
Result<ImportPreview> preview_import(const ImportRequest& request,
                                     const std::filesystem::path& file);

// Reads, checks, stages, journals and applies all files as one import: either all of it is in, or
// nothing is; then cleans by the shop's rules. `mappings` come from preview_import, one for each
// file. Errors: cancelled; those of reading, of the mapping and of the stores.
Result<ImportResult> run_import(Workspace& workspace, const ImportRequest& request,
                                const std::vector<events::Mapping>& mappings, Progress& progress);

// What all imports found together, with what cleaning says of the whole shop today. Absent: nothing
// was imported.
Result<std::optional<events::QualityReport>> shop_quality(Workspace& workspace);

}  // namespace attune::engine
