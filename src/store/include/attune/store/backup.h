// The whole folder in one file, and back. Answers: what if this disk dies tonight?
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/progress.h"
#include "attune/base/time.h"
#include "attune/store/data_folder.h"
#include "attune/store/history.h"
#include "attune/store/journal.h"
#include "attune/store/state.h"
#include "attune/store/vault.h"

namespace attune::store {

// The open stores of one folder. Other threads may go on appending and applying; History and State
// must be connections of the backup's own.
struct BackupSources {
  const DataFolder& folder;
  Journal& journal;
  History& history;
  State& state;
  Vault& vault;
};

struct BackupOptions {
  // keys/ too: without them the sealed fields of a restored folder stay closed until the keys are
  // put beside them.
  bool include_keys = false;
  Timestamp made_at{};           // written into the file
  Progress* progress = nullptr;  // cancelling leaves nothing behind
};

struct BackupMember {
  std::string name;  // "journal/00000000000000000001.sqlite"
  std::uint64_t bytes = 0;
};

struct BackupContents {
  int version = 0;
  Timestamp made_at{};
  bool has_keys = false;
  std::vector<BackupMember> members;
  std::uint64_t file_bytes = 0;
};

// Pins the journal, copies history, then state, then journal, then staged imports, models and
// attune.toml (and keys where told) into one file, which appears under its name whole, or not at
// all. Restoring catches history and state up from the journal by their cursors.
// Needs room beside `file` for itself and a copy of the largest store. Format: src/store/README.md.
// Errors: already_exists (`file`); resource_exhausted; cancelled; those of the stores.
Result<BackupContents> backup(const BackupSources& sources, const std::filesystem::path& file,
                              const BackupOptions& options);

// Reads the file to its end and checks every sum. Errors: not_found; invalid_argument (not a
// backup); failed_precondition (made by a newer version); data_corruption naming the member that is
// cut short or altered.
Result<BackupContents> verify_backup(const std::filesystem::path& file,
                                     Progress* progress = nullptr);

struct RestoreOptions {
  // Runs on the unpacked folder before it gets its name: the place to apply the list of the
  // forgotten, which backups do not hold.
  std::function<Status(const std::filesystem::path&)> before_publish{};
  Progress* progress = nullptr;
};

// Verifies the file whole, unpacks it beside `target`, then gives the folder its name in one step:
// on an error `target` is as it was.
// Errors: those of verify_backup; already_exists where `target` is anything but missing or an empty
// folder.
Result<BackupContents> restore(const std::filesystem::path& file,
                               const std::filesystem::path& target,
                               const RestoreOptions& options = {});

}  // namespace attune::store
