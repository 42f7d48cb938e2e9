// Imports and refused messages, as state remembers them.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/events/segment.h"
#include "workspace_impl.h"

namespace attune::engine {
namespace {

std::string folder_name(std::int64_t number) { return fmt::format("{:06}", number); }

}  // namespace

Result<ImportEntry> ImportEntry::parse(std::string_view text) {
  boost::system::error_code failure;
  const boost::json::value value = boost::json::parse(text, failure);
  const boost::json::object* object = failure ? nullptr : value.if_object();
  ImportEntry entry;
  const auto number = [&](const char* name, std::int64_t& out) {
    const boost::json::value* field = object == nullptr ? nullptr : object->if_contains(name);
    if (field == nullptr || !field->is_int64()) return false;
    out = field->as_int64();
    return true;
  };
  const boost::json::value* folder = object == nullptr ? nullptr : object->if_contains("folder");
  if (folder == nullptr || !folder->is_string() || !number("number", entry.number) ||
      !number("rows", entry.rows) || !number("checked_through", entry.checked_through)) {
    return std::unexpected(data_corruption("a journal entry that should name an import does not"));
  }
  entry.folder = std::string(folder->as_string());
  return entry;
}

std::string RefusedMessage::serialise() const {
  boost::json::object all{{"time", time.micros}, {"call", call},       {"reason", reason},
                          {"field", field},      {"message", message}, {"raw", raw}};
  if (!around.empty()) all["around"] = around;
  return boost::json::serialize(all);
}

std::string to_json(std::int64_t total, std::int64_t dropped,
                    std::span<const RefusedMessage> some) {
  boost::json::array list;
  for (const RefusedMessage& one : some) {
    list.push_back(boost::json::object{{"number", one.number},
                                       {"time", format_iso(one.time)},
                                       {"call", one.call},
                                       {"reason", one.reason},
                                       {"field", one.field},
                                       {"message", one.message},
                                       {"raw", one.raw}});
    if (!one.around.empty()) list.back().as_object()["around"] = one.around;
    if (one.is_cut()) list.back().as_object()["cut"] = true;
  }
  return boost::json::serialize(
      boost::json::object{{"total", total}, {"dropped", dropped}, {"refused", std::move(list)}});
}

bool RefusedMessage::is_cut() const {
  constexpr std::size_t kLetterMax = 4;  // cut between two letters
  return reason == "too_large" &&
         raw.size() + kLetterMax > events::SegmentOptions().max_event_bytes;
}

Result<RefusedMessage> RefusedMessage::parse(std::string_view text) {
  boost::system::error_code failure;
  const boost::json::value value = boost::json::parse(text, failure);
  const boost::json::object* object = failure ? nullptr : value.if_object();
  RefusedMessage refused;
  const auto take = [&](const char* name, std::string& out) {
    const boost::json::value* field = object == nullptr ? nullptr : object->if_contains(name);
    if (field == nullptr || !field->is_string()) return false;
    out = std::string(field->as_string());
    return true;
  };
  const boost::json::value* time = object == nullptr ? nullptr : object->if_contains("time");
  if (time == nullptr || !time->is_int64() || !take("call", refused.call) ||
      !take("reason", refused.reason) || !take("field", refused.field) ||
      !take("message", refused.message) || !take("raw", refused.raw)) {
    return std::unexpected(data_corruption("a refused message cannot be read"));
  }
  (void)take("around", refused.around);
  refused.time = Timestamp{time->as_int64()};
  return refused;
}

Status Workspace::Impl::apply_refused(const store::JournalRecord& record) {
  ++refused_applied;
  ATTUNE_ASSIGN_OR_RETURN(const Sequence done, state.cursor(kStateCursor));
  if (done < record.last()) {
    ATTUNE_ASSIGN_OR_RETURN(const RefusedMessage message, RefusedMessage::parse(record.payload));
    ATTUNE_ASSIGN_OR_RETURN(store::Transaction transaction, state.begin());
    if (!names_forgotten(message.raw) && !names_forgotten(message.around))
      ATTUNE_RETURN_IF_ERROR(keep_refused(record));
    const std::optional<std::int64_t> held = std::exchange(refused_held, std::nullopt);
    ATTUNE_RETURN_IF_ERROR(state.set_cursor(kStateCursor, record.last()));
    ATTUNE_RETURN_IF_ERROR(transaction.commit());
    refused_held = held;
  }
  skipped = record.last();
  return {};
}

// With the oldest gone and counted where there are too many.
Status Workspace::Impl::keep_refused(const store::JournalRecord& record) {
  std::optional<std::int64_t> held = std::exchange(refused_held, std::nullopt);
  if (!held) {
    ATTUNE_ASSIGN_OR_RETURN(held, state.find_int64("SELECT count(*) FROM refused"));
  }
  // Nobody is named yet: sealed under the key of nobody in particular.
  ATTUNE_ASSIGN_OR_RETURN(const std::string sealed,
                          vault.seal(CustomerNumber{0}, "refused", record.payload));
  ATTUNE_RETURN_IF_ERROR(state.run("INSERT INTO refused(number, sealed) VALUES(?1, ?2)",
                                   record.first, store::Blob{sealed}));
  const std::int64_t beyond = *held + 1 - kRefusedMax;
  if (beyond > 0) {
    ATTUNE_RETURN_IF_ERROR(state.run(
        "DELETE FROM refused WHERE number IN (SELECT number FROM refused ORDER BY number LIMIT ?1)",
        beyond));
    ATTUNE_RETURN_IF_ERROR(state.run(
        "INSERT INTO refused_dropped(only, count) VALUES(1, ?1) ON CONFLICT(only) DO UPDATE SET "
        "count = count + excluded.count",
        beyond));
  }
  refused_held = std::min(*held + 1, kRefusedMax);
  return {};
}

Result<Workspace::ImportPlace> Workspace::next_import() {
  ATTUNE_ASSIGN_OR_RETURN(const auto newest,
                          impl_->state.find_int64("SELECT max(number) FROM imports"));
  const std::int64_t number = newest.value_or(0) + 1;
  return ImportPlace{number, impl_->folder.imports() / folder_name(number)};
}

Result<Sequence> Workspace::commit_import(const ImportPlace& place, std::int64_t rows,
                                          Sequence checked_through, Progress& progress) {
  const std::string payload =
      ImportEntry{place.folder.filename().string(), place.number, rows, checked_through.value}
          .serialise();
  ATTUNE_ASSIGN_OR_RETURN(const Sequence first,
                          impl_->journal.append(store::JournalEntry{
                              static_cast<std::uint16_t>(EntryKind::import), payload, rows}));
  ATTUNE_RETURN_IF_ERROR(catch_up(progress));
  return first;
}

Status Workspace::note_import(const ImportPlace& place) {
  return impl_->state.run(
      "INSERT INTO imports(number, files, time, rows, first, report) VALUES(?1, '', ?2, 0, 0, x'')",
      place.number, now());
}

Status Workspace::save_import_report(std::int64_t number, std::string_view files,
                                     std::string_view report_json) {
  // Examples in a report are rows as they came: personal, so sealed, under the key of nobody in
  // particular.
  ATTUNE_ASSIGN_OR_RETURN(const std::string sealed,
                          impl_->vault.seal(CustomerNumber{0}, "report", report_json));
  ATTUNE_RETURN_IF_ERROR(
      impl_->state.run("UPDATE imports SET files = ?2, report = ?3 WHERE number = ?1", number,
                       files, store::Blob{sealed}));
  return impl_->state.run(
      "DELETE FROM lost_imports WHERE number IN (SELECT old.number FROM imports old, imports new "
      "WHERE new.number = ?1 AND old.number < ?1 AND old.files = new.files) "
      "AND rows <= (SELECT rows FROM imports WHERE number = ?1)",
      number);
}

Result<std::int64_t> Workspace::lost_rows() {
  ATTUNE_ASSIGN_OR_RETURN(const auto rows,
                          impl_->state.find_int64("SELECT sum(rows) FROM lost_imports"));
  return rows.value_or(0);
}

Status Workspace::accept_loss() { return impl_->state.run("DELETE FROM lost_imports"); }

Result<std::vector<ImportRecord>> Workspace::imports() {
  std::vector<ImportRecord> all;
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      impl_->state.prepare(
          "SELECT number, files, time, rows, first, report FROM imports ORDER BY number"));
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return all;
    ImportRecord record{rows.int64(0), std::string(rows.text(1)), rows.time(2),
                        rows.int64(3), Sequence{rows.int64(4)},   {}};
    const std::string_view sealed = rows.blob(5);
    if (!sealed.empty()) {
      ATTUNE_ASSIGN_OR_RETURN(record.report_json,
                              impl_->vault.open(CustomerNumber{0}, "report", sealed));
    }
    all.push_back(std::move(record));
  }
}

Result<std::vector<RefusedMessage>> Workspace::refused(std::int64_t after, std::int64_t limit) {
  std::vector<RefusedMessage> all;
  ATTUNE_ASSIGN_OR_RETURN(
      store::Statement rows,
      impl_->state.prepare(
          "SELECT number, sealed FROM refused WHERE number > ?1 ORDER BY number LIMIT ?2"));
  rows.bind_all(after, limit);
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const bool more, rows.step());
    if (!more) return all;
    ATTUNE_ASSIGN_OR_RETURN(const std::string text,
                            impl_->vault.open(CustomerNumber{0}, "refused", rows.blob(1)));
    ATTUNE_ASSIGN_OR_RETURN(RefusedMessage message, RefusedMessage::parse(text));
    message.number = rows.int64(0);
    all.push_back(std::move(message));
  }
}

Result<std::int64_t> Workspace::refused_count() {
  ATTUNE_ASSIGN_OR_RETURN(const auto count,
                          impl_->state.find_int64("SELECT count(*) FROM refused"));
  return count.value_or(0);
}

Result<std::int64_t> Workspace::refused_dropped() {
  ATTUNE_ASSIGN_OR_RETURN(const auto count,
                          impl_->state.find_int64("SELECT count FROM refused_dropped"));
  return count.value_or(0);
}

Status Workspace::drop_refused(std::int64_t number) {
  impl_->refused_held.reset();
  ATTUNE_RETURN_IF_ERROR(impl_->state.run("DELETE FROM refused WHERE number = ?1", number));
  if (impl_->state.changed_rows() > 0) return {};
  return std::unexpected(not_found(fmt::format("nothing refused has the number {}", number)));
}

}  // namespace attune::engine
