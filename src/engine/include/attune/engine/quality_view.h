// The ledger of an import as a person or a program reads it. Answers: is my data all right?
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "attune/engine/import.h"
#include "attune/report/html_page.h"
#include "attune/report/table.h"

namespace attune::engine {

// The report's JSON with rows_new, rows_known, import, quarantine, seconds and profile (wall and
// CPU seconds by stage) beside its own fields.
std::string import_json(const ImportResult& result);
// A table for a terminal and what to do next.
std::string quality_text(const ImportResult& result, const report::TerminalStyle& style);
// "1,204 EUR, 3 USD": the larger count first.
std::string counts_by_currency(const std::map<std::string, std::int64_t>& counts);
// Where the time went, by stage, as a table for a terminal.
std::string stages_text(const ImportResult& result, const report::TerminalStyle& style);
// A self-contained page with charts.
std::string quality_page(const ImportResult& result,
                         report::Language language = report::Language::en);
// The same as one section of a larger page.
void add_quality(report::Section& section, const events::QualityReport& quality,
                 report::Language language);

}  // namespace attune::engine
