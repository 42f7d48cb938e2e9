// The catalogue as rows. Answers: what was said of every item, and since when?
#pragma once

#include "attune/engine/export.h"
#include "attune/store/tables.h"

namespace attune::engine {

// One row for each moment at which something was stated of an item; what ordinary events mention of
// it stands in its first. Several values of a field are one cell, cut at '|' as
// events::FieldSource::split says. Errors, result: as export_table.
Result<std::int64_t> export_items(Workspace& workspace, const ExportOptions& options,
                                  const store::TableWriterOptions& writer_options);

}  // namespace attune::engine
