#include "import_report.h"

#include <fmt/format.h>

#include "attune/base/text.h"
#include "attune/engine/import.h"
#include "foreign_amounts.h"

namespace attune::engine {
namespace {

// Cells of a row, as a table writes them.
class RowText {
 public:
  RowText& cell(std::string_view text) {
    if (text.empty()) return *this;
    const bool quoted = text.find_first_of(",;\t|\"") != text.npos;
    text_ += text_.empty() ? "" : ", ";
    text_ += quoted ? fmt::format("\"{}\"", text) : std::string(text);
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// "purchase, 17850, 85123A, 80995 at 2.08 GBP, 581483, 2011-12-09T09:15:00Z". What names a customer
// is a cell of its own, by which it is found when they are to be forgotten.
Result<events::ReasonExample> example_of(Workspace& workspace,
                                         const catalog::CatalogSnapshot& catalog,
                                         const events::CleanedRow& row) {
  RowText text;
  text.cell(events::name(row.type));
  if (row.customer.value != 0) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string customer, workspace.identity().label(row.customer));
    text.cell(customer);
  }
  if (const catalog::Item* item = catalog.find(row.item)) text.cell(item->id);
  std::string amount = row.quantity ? fmt::format("{}", *row.quantity) : "";
  if (row.price_minor) {
    const Currency currency = Currency::of_stored(row.currency).value_or(Currency{});
    amount += (amount.empty() ? "" : " at ") + to_string(Money{*row.price_minor, currency});
  }
  text.cell(amount).cell(row.order).cell(format_iso(row.time));
  return events::ReasonExample{0, attune::quoted(text.text(), 120)};
}

}  // namespace

Result<events::CleaningCounts> tell_cleaning(Workspace& workspace, Sequence first,
                                             events::QualityReport& report) {
  ATTUNE_ASSIGN_OR_RETURN(const events::CleaningCounts found,
                          workspace.event_history().cleaned(first));
  const std::pair<const char*, std::int64_t> counts[] = {
      {"refund_paired", found.refunds_paired},
      {"refund_unpaired", found.refunds - found.refunds_paired},
      {"outlier", found.outliers},
      {"bot", found.bots}};
  for (const auto& [name, count] : counts) {
    report.reasons.erase(name);
    if (count > 0) report.reasons[name].count = count;
  }
  report.rows_flagged += found.flagged - report.rows_flagged_by_cleaning;
  report.rows_flagged_by_cleaning = found.flagged;
  if (found.outliers + found.bots == 0) return found;
  ATTUNE_ASSIGN_OR_RETURN(const catalog::CatalogSnapshot catalog,
                          workspace.catalog().snapshot(Timestamp{INT64_MAX}));
  for (const events::Mark mark : {events::Mark::outlier, events::Mark::bot}) {
    ATTUNE_ASSIGN_OR_RETURN(
        const std::vector<events::CleanedRow> rows,
        workspace.event_history().cleaned_rows(mark, first, events::kReasonExamples));
    for (const events::CleanedRow& row : rows) {
      ATTUNE_ASSIGN_OR_RETURN(events::ReasonExample example, example_of(workspace, catalog, row));
      report.reasons[std::string(events::name(mark))].examples.push_back(std::move(example));
    }
  }
  return found;
}

Result<std::optional<events::QualityReport>> shop_quality(Workspace& workspace) {
  ATTUNE_ASSIGN_OR_RETURN(const auto imports, workspace.imports());
  std::vector<events::QualityReport> reports;
  for (const ImportRecord& import : imports) {
    if (import.report_json.empty()) continue;
    if (auto parsed = events::QualityReport::from_json(import.report_json))
      reports.push_back(std::move(*parsed));
  }
  if (reports.empty()) return std::optional<events::QualityReport>();
  events::QualityReport all = events::combine(reports);
  ATTUNE_RETURN_IF_ERROR(tell_cleaning(workspace, Sequence{0}, all));
  ATTUNE_RETURN_IF_ERROR(tell_foreign_amounts(workspace, Sequence{0}, all));
  return std::optional(std::move(all));
}

}  // namespace attune::engine
