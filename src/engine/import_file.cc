#include "import_file.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <iterator>
#include <string_view>
#include <utility>

#include "attune/base/files.h"
#include "attune/events/row_key.h"
#include "import_stages.h"

namespace attune::engine {

using events::Event;
using events::Mapping;

namespace {

Result<events::ShopSettings> checked_settings(Workspace& workspace, const ImportRequest& request) {
  events::ShopSettings shop = import_settings(workspace, request);
  if (!request.currency.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(shop.currency, Currency::parse(request.currency));
  }
  ATTUNE_ASSIGN_OR_RETURN(const auto reporting, workspace.reporting_currency());
  shop.reporting = reporting.value_or(Currency{});
  return shop;
}

// A mapping with what was chosen over the sample: the few rows of a mended file cannot tell it
// again.
std::string decided(Mapping mapping, const std::vector<events::Assumption>& assumptions) {
  const auto chosen = std::ranges::find(assumptions, "time format", &events::Assumption::what);
  if (chosen != assumptions.end()) {
    if (auto format = events::parse_time_format(chosen->value)) mapping.time_format = *format;
  }
  return events::print_mapping(mapping) + "\n";
}

std::string_view reason(events::Staged why) {
  switch (why) {
    case events::Staged::exact_duplicate:
      return "exact_duplicate";
    case events::Staged::repeated_event_id:
      return "repeated_event_id";
    case events::Staged::already_known:
      return "already_imported";
    case events::Staged::forgotten:
      return "forgotten";
    case events::Staged::kept:
      break;
  }
  return "kept";
}

// Rows in bundles of bounded size, whatever each row repeats of what they share.
std::vector<events::EventBundle> bundles_of(std::span<const Event> events,
                                            std::span<const events::KeyedRow> rows) {
  constexpr std::size_t kBundleBytes = 32 << 20;
  std::vector<events::EventBundle> bundles;
  while (!rows.empty()) {
    std::size_t count = 0;
    for (std::size_t bytes = 0; count < rows.size() && bytes < kBundleBytes; ++count) {
      const Event& event = events[rows[count].index];
      bytes += event.text.size() + event.url.size() + event.properties.size();
    }
    bundles.push_back(events::bundle_rows(events, rows.first(count)));
    rows = rows.subspan(count);
  }
  return bundles;
}

bool is_forgotten(const Workspace&, const events::ItemRow&) { return false; }
bool is_forgotten(const Workspace& workspace, const events::CustomerRow& row) {
  return workspace.forgets_anybody() && workspace.is_forgotten(events::IdKind::customer, row.id);
}

Result<ChangeRows::Told> change(ChangeRows& changes, const events::ItemRow& row) {
  return changes.item(row);
}
Result<ChangeRows::Told> change(ChangeRows& changes, const events::CustomerRow& row) {
  return changes.customer(row);
}

}  // namespace

events::ShopSettings import_settings(const Workspace& workspace, const ImportRequest& request) {
  events::ShopSettings shop = workspace.shop_settings();
  shop.source = request.source.empty() ? "import" : request.source;
  shop.channel = request.channel;
  return shop;
}

std::filesystem::path mapping_beside(const std::filesystem::path& refused) {
  return refused.string() + ".map";
}

std::function<bool(const Event&)> forgotten_rows(const Workspace& workspace) {
  if (!workspace.forgets_anybody()) return {};
  return [&workspace](const Event& event) {
    return event.customer.empty()
               ? workspace.is_forgotten(events::IdKind::anonymous, event.anonymous)
               : workspace.is_forgotten(events::IdKind::customer, event.customer);
  };
}

template <class Row>
struct FileImport::Work {
  void clear() {
    prints.clear();
    kept.clear();
    bundles.clear();
  }

  events::RecordBatch records;
  std::vector<std::string> columns;
  std::int64_t bytes_read = 0;
  events::Batch<Row> batch;
  // Of events only.
  std::vector<Hash128> prints;  // fingerprints, by row
  std::vector<events::KeyedRow> kept;
  std::vector<events::EventBundle> bundles;  // of the kept rows
};

Result<events::QualityReport> FileImport::run(const std::filesystem::path& file,
                                              const Mapping& mapping,
                                              const std::filesystem::path& quarantine) {
  ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<events::RecordReader> records,
                          events::open_records(file, mapping.reading));
  ATTUNE_ASSIGN_OR_RETURN(const events::ShopSettings shop, checked_settings(workspace_, request_));
  report_.file = records->name();
  staged_.begin_file();
  changes_.begin_file();
  bytes_total_ = records->bytes_total();
  progress_.phase("reading " + records->name(), bytes_total_, "bytes");
  Status done;
  switch (mapping.kind) {
    case events::Kind::events:
      done = run_kind<Event>(*records, mapping, shop, quarantine);
      break;
    case events::Kind::items:
      done = run_kind<events::ItemRow>(*records, mapping, shop, quarantine);
      break;
    case events::Kind::customers: {
      ATTUNE_ASSIGN_OR_RETURN(const std::int64_t met, workspace_.identity().customers());
      others_known_ = met > 0;
      done = run_kind<events::CustomerRow>(*records, mapping, shop, quarantine);
      break;
    }
  }
  if (!done) return std::unexpected(done.error());
  return std::move(report_);
}

template <class Row>
Status FileImport::run_kind(events::RecordReader& records, const Mapping& mapping,
                            const events::ShopSettings& shop,
                            const std::filesystem::path& quarantine) {
  ATTUNE_ASSIGN_OR_RETURN(const events::Mapper<Row> mapper,
                          events::Mapper<Row>::create(mapping, shop, records));
  const bool json = records.format() == events::FileFormat::jsonl;
  const std::filesystem::path refused = quarantine.string() + (json ? ".jsonl" : ".csv");
  events::QuarantineWriter writer(refused, records.format(), records.columns());
  ATTUNE_RETURN_IF_ERROR(run_stages_of(records, mapper, writer));
  ATTUNE_RETURN_IF_ERROR(writer.close());
  for (auto& assumption : records.assumptions()) report_.assumptions.push_back(assumption);
  for (auto& assumption : mapper.assumptions()) report_.assumptions.push_back(assumption);
  if (writer.rows() == 0) return {};
  quarantine_file_ = refused;
  return write_file_durably(mapping_beside(refused), decided(mapping, mapper.assumptions()));
}

// Reading stays one thread's work, as are telling what is new and putting it together, in the order
// of the file; what takes long is done for several batches at once in between.
template <class Row>
Status FileImport::run_stages_of(events::RecordReader& records, const events::Mapper<Row>& mapper,
                                 events::QuarantineWriter& writer) {
  constexpr bool kEvents = std::is_same_v<Row, Event>;
  Status sort_failure, stage_failure;  // of stages that run beside each other
  std::atomic<bool> stop = false;
  Spare<Work<Row>> spare;
  const auto read = [&]() -> std::shared_ptr<Work<Row>> {
    const auto counted = progress_.part(ReadingPart::read);
    return stop ? nullptr : next_work<Row>(records, spare.take());
  };
  const auto map = [&](Work<Row>& work) {
    const auto counted = progress_.part(ReadingPart::convert);
    mapper.map(std::move(work.records), work.columns, work.batch);
    if constexpr (kEvents) {
      for (const Event& event : std::as_const(work.batch).rows())
        work.prints.push_back(events::fingerprint(event));
    }
  };
  const auto sort = [&](Work<Row>& work) {
    const auto counted = progress_.part(ReadingPart::sort_out);
    if (sort_failure) sort_failure = sort_out(work, writer);
    if (!sort_failure) stop = true;
  };
  const auto bundle = [&](Work<Row>& work) {
    const auto counted = progress_.part(ReadingPart::bundle);
    if constexpr (kEvents) {
      work.bundles = bundles_of(std::as_const(work.batch).rows(), work.kept);
    }
  };
  const auto stage = [&](Work<Row>& work) {
    const auto counted = progress_.part(ReadingPart::stage);
    if (stage_failure && progress_.cancelled())
      stage_failure = std::unexpected(cancelled("stopped; nothing of this import stays"));
    if (stage_failure) stage_failure = stage_work(work, writer);
    if (!stage_failure) stop = true;
    progress_.advance(work.bytes_read);
  };
  run_stages<Work<Row>>(read, map, sort, bundle, stage);
  ATTUNE_RETURN_IF_ERROR(sort_failure);
  ATTUNE_RETURN_IF_ERROR(stage_failure);
  return read_failure_;
}

// The next records, where `work` is; none at the end, or where reading failed.
template <class Row>
std::shared_ptr<FileImport::Work<Row>> FileImport::next_work(events::RecordReader& records,
                                                             std::shared_ptr<Work<Row>> work) {
  const Result<bool> more = records.next(work->records);
  if (!more) read_failure_ = std::unexpected(more.error());
  if (!more || !*more) return nullptr;
  work->columns = records.columns();
  work->bytes_read = records.bytes_read();
  return work;
}

Status FileImport::sort_out(Work<Event>& work, events::QuarantineWriter& writer) {
  const events::Batch<Event>& batch = work.batch;
  ATTUNE_RETURN_IF_ERROR(count(batch, writer));
  rows_sorted_ += std::ssize(batch.rows());
  if (work.bytes_read > 0) {
    const double share = static_cast<double>(bytes_total_) / static_cast<double>(work.bytes_read);
    staged_.expect_rows(std::llround(static_cast<double>(rows_sorted_) * std::max(1.0, share)));
  }
  events::StagedImportWriter::Sorted sorted = staged_.sort_out(batch.rows(), work.prints);
  for (const auto& [index, why] : sorted.left_out) leave_out(why, batch, index);
  work.kept = std::move(sorted.kept);
  return {};
}

template <class Row>
Status FileImport::sort_out(Work<Row>&, events::QuarantineWriter&) {
  return {};
}

Status FileImport::stage_work(Work<Event>& work, events::QuarantineWriter&) {
  for (const events::EventBundle& bundle : work.bundles)
    ATTUNE_RETURN_IF_ERROR(staged_.add(bundle));
  return {};
}

template <class Row>
Status FileImport::stage_work(Work<Row>& work, events::QuarantineWriter& writer) {
  const events::Batch<Row>& batch = work.batch;
  ATTUNE_RETURN_IF_ERROR(count(batch, writer));
  for (std::size_t i = 0; i < batch.rows().size(); ++i) ATTUNE_RETURN_IF_ERROR(stage_row(batch, i));
  return {};
}

template <class Row>
Status FileImport::stage_row(const events::Batch<Row>& batch, std::size_t i) {
  const Row& row = batch.rows()[i];
  if (is_forgotten(workspace_, row)) {
    leave_out(events::Staged::forgotten, batch, i);
    return {};
  }
  ATTUNE_ASSIGN_OR_RETURN(const ChangeRows::Told told, change(changes_, row));
  if (told.first_met && others_known_)
    report_.note("unknown_customer", batch.line(i), batch.raw(i));
  events::Staged outcome = told.otherwise;
  if (told.event) {
    ATTUNE_ASSIGN_OR_RETURN(outcome, staged_.add(*told.event));
  }
  if (outcome != events::Staged::kept) leave_out(outcome, batch, i);
  return {};
}

template <class Row>
Status FileImport::count(const events::Batch<Row>& batch, events::QuarantineWriter& writer) {
  report_.add(batch);
  return quarantine(batch.quarantined(), writer);
}

// Rows of forgotten customers are counted, and kept nowhere.
Status FileImport::quarantine(std::span<const events::Rejected> rows,
                              events::QuarantineWriter& writer) {
  if (!workspace_.forgets_anybody()) return writer.add(rows);
  const auto names = [&](const events::Rejected& row) {
    return workspace_.names_forgotten(row.raw);
  };
  std::vector<events::Rejected> kept;
  std::ranges::remove_copy_if(rows, std::back_inserter(kept), names);
  return writer.add(kept);
}

template <class Row>
void FileImport::leave_out(events::Staged why, const events::Batch<Row>& batch, std::size_t i) {
  const bool forgotten = why == events::Staged::forgotten;
  known_ += why == events::Staged::already_known;
  report_.leave_out(reason(why), batch.line(i), forgotten ? std::string_view() : batch.raw(i),
                    batch.rows()[i].marks);
}

}  // namespace attune::engine
