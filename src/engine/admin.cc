#include "attune/engine/admin.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/files.h"
#include "attune/report/format.h"
#include "attune/store/backup.h"

namespace attune::engine {
namespace {

std::uint64_t bytes_below(const std::filesystem::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, ignored)) {
    if (entry.is_regular_file(ignored)) bytes += entry.file_size(ignored);
  }
  return bytes;
}

// What is stated of items and customers, and that two ids are one, is no event of the shop's, and
// lies in 1970 where it has no date.
std::string happened(std::string_view what) {
  return fmt::format("SELECT {} FROM visible_rows WHERE type NOT IN ({}, {}, {})", what,
                     static_cast<int>(events::EventType::item_changed),
                     static_cast<int>(events::EventType::customer_changed),
                     static_cast<int>(events::EventType::alias));
}

}  // namespace

Result<ShopStatus> read_status(Workspace& workspace) {
  ShopStatus status;
  status.folder = workspace.folder().root();
  status.time_zone = workspace.zone().name();
  ATTUNE_ASSIGN_OR_RETURN(const auto currency, workspace.reporting_currency());
  if (currency) status.currency = currency->to_string();
  ATTUNE_ASSIGN_OR_RETURN(const auto events, workspace.history().find_int64(happened("count(*)")));
  status.events = events.value_or(0);
  ATTUNE_ASSIGN_OR_RETURN(const auto first,
                          workspace.history().find_int64(happened("epoch_us(min(time))")));
  ATTUNE_ASSIGN_OR_RETURN(const auto last,
                          workspace.history().find_int64(happened("epoch_us(max(time))")));
  if (first && last) {
    status.first_time = Timestamp{*first};
    status.last_time = Timestamp{*last};
  }
  ATTUNE_ASSIGN_OR_RETURN(status.customers, workspace.identity().customers());
  ATTUNE_ASSIGN_OR_RETURN(status.anonymous, workspace.identity().anonymous());
  ATTUNE_ASSIGN_OR_RETURN(status.items, workspace.catalog().count());
  ATTUNE_ASSIGN_OR_RETURN(const auto imports, workspace.imports());
  status.imports = static_cast<std::int64_t>(imports.size());
  status.journal_end = workspace.journal().last_sequence();
  ATTUNE_ASSIGN_OR_RETURN(status.state_cursor, workspace.state().cursor("events"));
  ATTUNE_ASSIGN_OR_RETURN(status.history_cursor, workspace.event_history().cursor());
  ATTUNE_ASSIGN_OR_RETURN(status.models, ModelRegistry(workspace.folder().models()).list());
  ATTUNE_ASSIGN_OR_RETURN(status.lost_rows, workspace.lost_rows());
  status.bytes = bytes_below(status.folder);
  status.disk = report::format_bytes(static_cast<double>(status.bytes));
  return status;
}

std::string to_json(const ShopStatus& s) {
  boost::json::array models;
  for (const ModelMeta& model : s.models) {
    models.push_back(boost::json::object{{"recommender", model.name},
                                         {"version", model.version},
                                         {"current", model.current},
                                         {"held", model.held},
                                         {"trained_at", format_iso(model.trained_at)}});
  }
  boost::json::object object{{"folder", s.folder.string()},
                             {"time_zone", s.time_zone},
                             {"reporting_currency", s.currency},
                             {"events", s.events},
                             {"customers", s.customers},
                             {"anonymous", s.anonymous},
                             {"items", s.items},
                             {"imports", s.imports},
                             {"journal_end", s.journal_end.value},
                             {"state_cursor", s.state_cursor.value},
                             {"history_cursor", s.history_cursor.value},
                             {"lost_rows", s.lost_rows},
                             {"models", models},
                             {"bytes", s.bytes}};
  if (s.first_time) object["first_time"] = format_iso(*s.first_time);
  if (s.last_time) object["last_time"] = format_iso(*s.last_time);
  return boost::json::serialize(object);
}

Result<BackupInfo> back_up(Workspace& workspace, const std::filesystem::path& file,
                           bool include_keys, Progress& progress) {
  store::BackupOptions options;
  options.include_keys = include_keys;
  options.made_at = workspace.now();
  options.progress = &progress;
  // Connections of its own: the workspace's may be in the middle of something.
  ATTUNE_ASSIGN_OR_RETURN(store::History history, workspace.history().connect());
  ATTUNE_ASSIGN_OR_RETURN(store::State state, store::State::open(workspace.folder().state_file()));
  const store::BackupSources sources{workspace.folder(), workspace.journal(), history, state,
                                     workspace.vault()};
  ATTUNE_ASSIGN_OR_RETURN(const store::BackupContents contents,
                          store::backup(sources, file, options));
  return BackupInfo{contents.file_bytes, static_cast<std::int64_t>(contents.members.size()),
                    contents.has_keys};
}

Result<BackupInfo> restore_folder(const std::filesystem::path& file,
                                  const std::filesystem::path& folder, Progress& progress,
                                  const std::filesystem::path& forgotten) {
  store::RestoreOptions options;
  options.progress = &progress;
  if (!forgotten.empty()) {
    options.before_publish = [&](const std::filesystem::path& unpacked) -> Status {
      std::error_code failure;
      if (!std::filesystem::exists(unpacked / "keys" / "master.key", failure)) {
        return std::unexpected(
            failed_precondition("the backup holds no keys: put the keys folder of its shop beside "
                                "it, in which the list "
                                "of who was forgotten lies"));
      }
      ATTUNE_ASSIGN_OR_RETURN(const std::string list, read_file(forgotten));
      return write_file_durably(unpacked / "keys" / kSuppressedName, list, /*secret=*/true);
    };
  }
  ATTUNE_ASSIGN_OR_RETURN(const store::BackupContents contents,
                          store::restore(file, folder, options));
  return BackupInfo{contents.file_bytes, static_cast<std::int64_t>(contents.members.size()),
                    contents.has_keys};
}

}  // namespace attune::engine
