// The shop as a whole. Answers: what does the folder hold, how do I keep a copy, how do I get it
// back?
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/engine/models.h"
#include "attune/engine/workspace.h"

namespace attune::engine {

struct ShopStatus {
  std::filesystem::path folder;
  std::string time_zone;
  std::string currency;
  std::int64_t events = 0, customers = 0, anonymous = 0, items = 0, imports = 0;
  std::optional<Timestamp> first_time, last_time;
  Sequence journal_end, state_cursor, history_cursor;
  std::int64_t lost_rows = 0;  // of imports that a rebuilt history lacks
  std::vector<ModelMeta> models;
  std::uint64_t bytes = 0;
  std::string disk;  // in words
};
Result<ShopStatus> read_status(Workspace& workspace);
std::string to_json(const ShopStatus& status);

struct BackupInfo {
  std::uint64_t bytes = 0;
  std::int64_t members = 0;
  bool has_keys = false;
};
// Errors: already_exists (`file`); resource_exhausted; cancelled.
Result<BackupInfo> back_up(Workspace& workspace, const std::filesystem::path& file,
                           bool include_keys, Progress& progress);
// `forgotten`: the list of who was forgotten (keys/suppressed.sqlite of the folder that the backup
// was made of), which the restored folder forgets too when it is next opened; empty: none. It is
// for a backup that holds its keys: where they are put back as a folder, the list lies in it.
// Errors: already_exists unless `folder` is missing or empty; data_corruption naming the member;
// not_found; failed_precondition (a list for a backup without keys).
Result<BackupInfo> restore_folder(const std::filesystem::path& file,
                                  const std::filesystem::path& folder, Progress& progress,
                                  const std::filesystem::path& forgotten = {});

}  // namespace attune::engine
