// What the columns of a user's file mean, for every command that reads one. Answers: what did the
// user say, what can be guessed, and what has to be asked?
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "attune/engine/import.h"
#include "context.h"

namespace attune::cli {

// Options that say what columns mean.
struct ColumnArguments {
  std::string map, preset, currency, time_zone;
  void add_to(CLI::App& command);
  void apply(engine::ImportRequest& request) const;
};

// What the file's columns mean. Where somebody sits there, they are asked what no column seems to
// give, and their answers join `request.map`, for the files that follow too. `show` is told the
// guesses once. Errors: invalid_argument naming what to add where it stays unclear; those of
// preview_import.
Result<engine::ImportPreview> settle_columns(Context& context, engine::ImportRequest& request,
                                             const std::filesystem::path& file,
                                             const std::function<void(const std::string&)>& show);

}  // namespace attune::cli
