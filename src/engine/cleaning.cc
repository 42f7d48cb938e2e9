#include "attune/engine/cleaning.h"

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/store/cleaning_settings.h"

namespace attune::engine {
namespace {
constexpr std::size_t kSettingsBytes = 1 << 20;
}  // namespace

Result<events::CleaningRules> cleaning_rules(const Workspace& workspace) {
  const std::string file = workspace.folder().settings_file().string();
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(file, kSettingsBytes));
  ATTUNE_ASSIGN_OR_RETURN(const auto settings, store::parse_cleaning_settings(text, file));
  events::CleaningRules rules;
  for (const store::CleaningSetting& one : settings) {
    if (Status set = events::CleaningRules::table().set(rules, one.name, one.value); !set) {
      Error error = set.error();
      error.message = fmt::format("{}:{}: cleaning: {}", file, one.line, error.message);
      return std::unexpected(std::move(error));
    }
  }
  return rules;
}

Result<events::CleaningCounts> clean(Workspace& workspace) {
  ATTUNE_ASSIGN_OR_RETURN(const events::CleaningRules rules, cleaning_rules(workspace));
  ATTUNE_ASSIGN_OR_RETURN(const events::MergeMap merges, workspace.identity().merges());
  ATTUNE_RETURN_IF_ERROR(workspace.event_history().clean(rules, workspace.zone(), merges));
  workspace.changed_otherwise();
  return workspace.event_history().cleaned(Sequence{0});
}

}  // namespace attune::engine
