// Inside the engine: one file on its way into a staged import. Answers: what became of each of its
// rows?
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/engine/import.h"
#include "attune/engine/workspace.h"
#include "attune/events/event_bundle.h"
#include "attune/events/mapping.h"
#include "attune/events/quality.h"
#include "attune/events/quarantine.h"
#include "attune/events/reader.h"
#include "attune/events/staged_import.h"
#include "import_rows.h"
#include "stage_clock.h"

namespace attune::engine {

// What holds for rows of this import where they say nothing else; money is not looked at.
events::ShopSettings import_settings(const Workspace& workspace, const ImportRequest& request);

// Where the mapping of refused rows stands.
std::filesystem::path mapping_beside(const std::filesystem::path& refused);

// Tells events of somebody whom the shop has forgotten; empty where there is nobody.
std::function<bool(const events::Event&)> forgotten_rows(const Workspace& workspace);

// Reads, checks and stages one file, and reports what it found.
class FileImport {
 public:
  FileImport(Workspace& workspace, const ImportRequest& request, events::StagedImportWriter& staged,
             ChangeRows& changes, StageClock& progress)
      : workspace_(workspace),
        request_(request),
        staged_(staged),
        changes_(changes),
        progress_(progress) {}

  // `quarantine`: where refused rows go, without extension. Errors: cancelled; those of reading, of
  // the mapping and of files.
  Result<events::QualityReport> run(const std::filesystem::path& file,
                                    const events::Mapping& mapping,
                                    const std::filesystem::path& quarantine);

  std::int64_t known() const { return known_; }  // rows that an earlier import or file brought
  const std::filesystem::path& quarantine_file() const { return quarantine_file_; }

 private:
  template <class Row>
  struct Work;
  template <class Row>
  std::shared_ptr<Work<Row>> next_work(events::RecordReader& records,
                                       std::shared_ptr<Work<Row>> work);
  template <class Row>
  Status run_kind(events::RecordReader& records, const events::Mapping& mapping,
                  const events::ShopSettings& shop, const std::filesystem::path& quarantine);
  template <class Row>
  Status run_stages_of(events::RecordReader& records, const events::Mapper<Row>& mapper,
                       events::QuarantineWriter& writer);

  // The report is of one stage only: of the one that can tell which rows are kept. Of events that
  // is sorting out; of items and customers, whose rows are compared with what the shop knows,
  // staging.
  Status sort_out(Work<events::Event>& work, events::QuarantineWriter& writer);
  template <class Row>
  Status sort_out(Work<Row>&, events::QuarantineWriter&);
  Status stage_work(Work<events::Event>& work, events::QuarantineWriter&);
  template <class Row>
  Status stage_work(Work<Row>& work, events::QuarantineWriter& writer);
  template <class Row>
  Status stage_row(const events::Batch<Row>& batch, std::size_t i);
  template <class Row>
  Status count(const events::Batch<Row>& batch, events::QuarantineWriter& writer);
  Status quarantine(std::span<const events::Rejected> rows, events::QuarantineWriter& writer);
  template <class Row>
  void leave_out(events::Staged why, const events::Batch<Row>& batch, std::size_t i);

  Workspace& workspace_;
  const ImportRequest& request_;
  events::StagedImportWriter& staged_;
  ChangeRows& changes_;
  StageClock& progress_;
  events::QualityReport report_;
  Status read_failure_;
  std::int64_t bytes_total_ = 0;
  std::int64_t rows_sorted_ = 0;
  std::int64_t known_ = 0;
  bool others_known_ = false;  // the shop had customers before
  std::filesystem::path quarantine_file_;
};

}  // namespace attune::engine
