#include "foreign_amounts.h"

#include <algorithm>

namespace attune::engine {

Result<std::map<std::string, std::int64_t>> foreign_amounts(Workspace& workspace, Sequence first,
                                                            Timestamp until) {
  ATTUNE_ASSIGN_OR_RETURN(const auto reporting, workspace.reporting_currency());
  const std::string own = reporting ? reporting->to_string() : "";
  ATTUNE_ASSIGN_OR_RETURN(const auto names,
                          workspace.event_history().labels(events::LabelKind::currency));
  std::map<std::string, std::int64_t> found;
  const bool others =
      std::ranges::any_of(names, [&](const auto& one) { return one.second != own; });
  if (!others) return found;
  ATTUNE_ASSIGN_OR_RETURN(found, workspace.event_history().amounts_by_currency(first, until));
  found.erase(own);
  return found;
}

Status tell_foreign_amounts(Workspace& workspace, Sequence first, events::QualityReport& report) {
  ATTUNE_ASSIGN_OR_RETURN(const auto reporting, workspace.reporting_currency());
  report.reporting_currency = reporting ? reporting->to_string() : "";
  ATTUNE_ASSIGN_OR_RETURN(report.foreign_amounts,
                          foreign_amounts(workspace, first, Timestamp{INT64_MAX}));
  report.reasons.erase("foreign_currency");
  std::int64_t count = 0;
  for (const auto& [name, rows] : report.foreign_amounts) count += rows;
  if (count > 0) report.reasons["foreign_currency"].count = count;
  return {};
}

}  // namespace attune::engine
