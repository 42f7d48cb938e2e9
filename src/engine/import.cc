#include "attune/engine/import.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/engine/cleaning.h"
#include "attune/events/quarantine.h"
#include "attune/events/row_key.h"
#include "attune/events/staged_import.h"
#include "foreign_amounts.h"
#include "import_report.h"
#include "import_rows.h"
#include "import_stages.h"
#include "stage_clock.h"

namespace attune::engine {
namespace {

using events::Event;
using events::Kind;
using events::Mapping;

events::ShopSettings settings_of(const Workspace& workspace, const ImportRequest& request) {
  events::ShopSettings shop = workspace.shop_settings();
  shop.source = request.source.empty() ? "import" : request.source;
  shop.channel = request.channel;
  return shop;
}

Result<events::ShopSettings> checked_settings(Workspace& workspace, const ImportRequest& request) {
  events::ShopSettings shop = settings_of(workspace, request);
  if (!request.currency.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(shop.currency, Currency::parse(request.currency));
  }
  ATTUNE_ASSIGN_OR_RETURN(const auto reporting, workspace.reporting_currency());
  shop.reporting = reporting.value_or(Currency{});
  return shop;
}

// Where the mapping of refused rows stands.
std::filesystem::path mapping_beside(const std::filesystem::path& refused) {
  return refused.string() + ".map";
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

// Of rows that tell of somebody whom the shop has forgotten.
std::function<bool(const Event&)> forgotten_rows(const Workspace& workspace) {
  if (!workspace.forgets_anybody()) return {};
  return [&workspace](const Event& event) {
    return event.customer.empty()
               ? workspace.is_forgotten(events::IdKind::anonymous, event.anonymous)
               : workspace.is_forgotten(events::IdKind::customer, event.customer);
  };
}

// One file on its way into the staged import.
class FileImport {
 public:
  FileImport(Workspace& workspace, const ImportRequest& request, events::StagedImportWriter& staged,
             ChangeRows& changes, StageClock& progress)
      : workspace_(workspace),
        request_(request),
        staged_(staged),
        changes_(changes),
        progress_(progress) {}

  // `quarantine`: where refused rows go, without extension.
  Result<events::QualityReport> run(const std::filesystem::path& file, const Mapping& mapping,
                                    const std::filesystem::path& quarantine) {
    ATTUNE_ASSIGN_OR_RETURN(std::unique_ptr<events::RecordReader> records,
                            events::open_records(file, mapping.reading));
    ATTUNE_ASSIGN_OR_RETURN(const events::ShopSettings shop,
                            checked_settings(workspace_, request_));
    report_.file = records->name();
    ATTUNE_ASSIGN_OR_RETURN(const std::int64_t customers, workspace_.identity().customers());
    others_known_ = customers > 0;
    staged_.begin_file();
    changes_.begin_file();
    progress_.phase("reading " + records->name(), records->bytes_total(), "bytes");
    Status done;
    switch (mapping.kind) {
      case Kind::events:
        done = run_kind<Event>(*records, mapping, shop, quarantine);
        break;
      case Kind::items:
        done = run_kind<events::ItemRow>(*records, mapping, shop, quarantine);
        break;
      case Kind::customers:
        done = run_kind<events::CustomerRow>(*records, mapping, shop, quarantine);
        break;
    }
    if (!done) return std::unexpected(done.error());
    return std::move(report_);
  }

  std::int64_t known() const { return known_; }
  const std::filesystem::path& quarantine_file() const { return quarantine_file_; }

 private:
  template <class Row>
  struct Work {
    events::RecordBatch records;
    std::vector<std::string> columns;
    std::int64_t bytes_read = 0;
    std::unique_ptr<events::Batch<Row>> batch;
    // Of events only.
    std::vector<Hash128> prints;  // fingerprints, by row
    std::vector<events::KeyedRow> kept;
    events::EventBundle bundle;  // of the kept rows
  };

  // The next records; none at the end, or where reading failed.
  template <class Row>
  std::shared_ptr<Work<Row>> next_work(events::RecordReader& records) {
    auto work = std::make_shared<Work<Row>>();
    const Result<bool> more = records.next(work->records);
    if (!more) read_failure_ = std::unexpected(more.error());
    if (!more || !*more) return nullptr;
    work->columns = records.columns();
    work->bytes_read = records.bytes_read();
    return work;
  }

  // Reading stays one thread's work, as are telling what is new and putting it together, in the
  // order of the file; what takes long is done for several batches at once in between.
  template <class Row>
  Status run_kind(events::RecordReader& records, const Mapping& mapping,
                  const events::ShopSettings& shop, const std::filesystem::path& quarantine) {
    ATTUNE_ASSIGN_OR_RETURN(const events::Mapper<Row> mapper,
                            events::Mapper<Row>::create(mapping, shop, records));
    const bool json = records.format() == events::FileFormat::jsonl;
    const std::filesystem::path refused = quarantine.string() + (json ? ".jsonl" : ".csv");
    events::QuarantineWriter writer(refused, records.format(), records.columns());

    Status sort_failure, stage_failure;  // of stages that run beside each other
    std::atomic<bool> stop = false;
    const auto read = [&] {
      const auto counted = progress_.part(ReadingPart::read);
      return stop ? nullptr : next_work<Row>(records);
    };
    const auto map = [&](Work<Row>& work) {
      const auto counted = progress_.part(ReadingPart::convert);
      work.batch = std::make_unique<events::Batch<Row>>();
      mapper.map(std::move(work.records), work.columns, *work.batch);
      if constexpr (std::is_same_v<Row, Event>) {
        for (const Event& event : std::as_const(*work.batch).rows())
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
      if constexpr (std::is_same_v<Row, Event>) {
        work.bundle = events::bundle_rows(std::as_const(*work.batch).rows(), work.kept);
        work.batch.reset();
      }
    };
    const auto stage = [&](Work<Row>& work) {
      const auto counted = progress_.part(ReadingPart::stage);
      if (progress_.cancelled() && stage_failure)
        stage_failure = std::unexpected(cancelled("stopped; nothing of this import stays"));
      if (stage_failure) stage_failure = stage_work(work);
      if (!stage_failure) stop = true;
      progress_.advance(work.bytes_read);
    };
    run_stages<Work<Row>>(read, map, sort, bundle, stage);
    ATTUNE_RETURN_IF_ERROR(sort_failure);
    ATTUNE_RETURN_IF_ERROR(stage_failure);
    ATTUNE_RETURN_IF_ERROR(read_failure_);
    ATTUNE_RETURN_IF_ERROR(writer.close());
    for (auto& assumption : records.assumptions()) report_.assumptions.push_back(assumption);
    for (auto& assumption : mapper.assumptions()) report_.assumptions.push_back(assumption);
    if (writer.rows() == 0) return {};
    quarantine_file_ = refused;
    return write_file_durably(mapping_beside(refused), decided(mapping, mapper.assumptions()));
  }

  // Which rows are kept, as far as the rows themselves tell; the others go to the report. (Of rows
  // of items and customers, what the shop knows tells it: stage_work().)
  template <class Row>
  Status sort_out(Work<Row>& work, events::QuarantineWriter& writer) {
    const events::Batch<Row>& batch = *work.batch;
    report_.add(batch);
    ATTUNE_RETURN_IF_ERROR(quarantine(batch.quarantined(), writer));
    if constexpr (std::is_same_v<Row, Event>) {
      events::StagedImportWriter::Sorted sorted = staged_.sort_out(batch.rows(), work.prints);
      for (const auto& [index, why] : sorted.left_out) leave_out(why, batch, index);
      work.kept = std::move(sorted.kept);
    }
    return {};
  }

  Status stage_work(Work<Event>& work) { return staged_.add(work.bundle); }

  template <class Row>
  Status stage_work(Work<Row>& work) {
    const events::Batch<Row>& batch = *work.batch;
    for (std::size_t i = 0; i < batch.rows().size(); ++i) {
      const Row& row = batch.rows()[i];
      if (is_forgotten(row)) {
        leave_out(events::Staged::forgotten, batch, i);
        continue;
      }
      ATTUNE_ASSIGN_OR_RETURN(const ChangeRows::Told told, change(row));
      events::Staged outcome = told.otherwise;
      if (told.event) {
        ATTUNE_ASSIGN_OR_RETURN(outcome, staged_.add(*told.event));
      }
      if (outcome != events::Staged::kept) leave_out(outcome, batch, i);
      if (told.first_met && others_known_)
        report_.note("unknown_customer", batch.line(i), batch.raw(i));
    }
    return {};
  }

  Result<ChangeRows::Told> change(const events::ItemRow& row) { return changes_.item(row); }
  Result<ChangeRows::Told> change(const events::CustomerRow& row) { return changes_.customer(row); }

  // Rows of forgotten customers are counted, and kept nowhere.
  Status quarantine(std::span<const events::Rejected> rows, events::QuarantineWriter& writer) {
    if (!workspace_.forgets_anybody()) return writer.add(rows);
    const auto names = [&](const events::Rejected& row) {
      return workspace_.names_forgotten(row.raw);
    };
    std::vector<events::Rejected> kept;
    std::ranges::remove_copy_if(rows, std::back_inserter(kept), names);
    return writer.add(kept);
  }

  bool is_forgotten(const events::ItemRow&) const { return false; }
  bool is_forgotten(const events::CustomerRow& row) const {
    return workspace_.is_forgotten(events::IdKind::customer, row.id);
  }

  template <class Row>
  void leave_out(events::Staged why, const events::Batch<Row>& batch, std::size_t i) {
    const bool forgotten = why == events::Staged::forgotten;
    known_ += why == events::Staged::already_known;
    report_.leave_out(reason(why), batch.line(i), forgotten ? std::string_view() : batch.raw(i),
                      batch.rows()[i].marks);
  }

  Workspace& workspace_;
  const ImportRequest& request_;
  events::StagedImportWriter& staged_;
  ChangeRows& changes_;
  StageClock& progress_;
  events::QualityReport report_;
  Status read_failure_;
  std::int64_t known_ = 0;
  bool others_known_ = false;  // the shop had customers before
  std::filesystem::path quarantine_file_;
};

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

}  // namespace

namespace {

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
  ChangeRows changes(workspace, settings_of(workspace, request).source);
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
