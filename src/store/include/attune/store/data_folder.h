// The folder that holds one shop. Answers: where is everything, which settings hold, and does
// anybody else have it open?
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "attune/base/error.h"

namespace attune::store {

// What attune.toml says. A key that the file leaves out keeps the default given here.
struct Settings {
  std::string time_zone = "UTC";     // name of the tz database: days and weeks are the shop's
  std::string reporting_currency{};  // ISO 4217 code; empty: not set
  int session_gap_minutes = 30;      // 1 to 1440: inactivity that ends a session
  int keep_days = 400;               // 1 to 36500: how long journal files stay
  int threads = 0;                   // 0 to 1024; 0: as many as the machine has
  std::int64_t memory_limit_mb =
      0;  // 0, or at least 256; 0: the history takes half of the machine's memory at most
  friend bool operator==(const Settings&, const Settings&) = default;
};

// Reads the text of an attune.toml. `file` is only named in errors.
// Errors: invalid_argument naming file, line, and for an unknown key the nearest known one.
Result<Settings> parse_settings(std::string_view text, std::string_view file);

// The text of a fresh attune.toml: every setting with a comment; those that differ from the
// defaults are set, the rest are commented out. parse_settings gives `settings` back.
std::string format_settings(const Settings& settings);

// Brings a folder from format `version - 1` to format `version`. Runs under the lock; has to be
// safe to repeat, because a crash in the middle runs it again.
struct FolderMigration {
  int version;
  std::function<Status(const std::filesystem::path&)> run;
};

// Who holds a folder's lock.
struct Holder {
  std::int64_t process = 0;
  std::string command;
};

struct FolderOptions {
  // Shown to others that find the folder in use: "attune import orders.csv".
  std::string command = "attune";
  Settings initial{};                                // written where a folder is created
  std::span<const FolderMigration> migrations = {};  // in order; empty: those of this program
  int format_version = 0;                            // 0: the newest that this program writes
};

// An open data folder, held by this process alone.
//
// Layout: attune.toml, format, lock, journal/, models/, keys/ (mode 0700), imports/,
// history.duckdb, state.sqlite.
// Invariants: (1) while an object lives, no other process has the folder open through this class;
// the lock goes with the process, so a crash leaves none behind; (2) the folder's format is the one
// that this program writes: older ones are migrated while opening, newer ones refused.
// Threads: const members from any thread.
class DataFolder {
 public:
  // Opens the folder, or makes a new one where `root` does not exist or is an empty folder.
  // Errors: unavailable "data folder X is in use by process N (command); …"; invalid_argument
  // (settings); failed_precondition (a newer format, or a folder that holds other things and no
  // data of Attune); permission_denied; resource_exhausted.
  static Result<DataFolder> create_or_open(const std::filesystem::path& root,
                                           const FolderOptions& options = {});

  // Errors: as create_or_open; not_found where there is no data folder, naming the command that
  // makes one.
  static Result<DataFolder> open(const std::filesystem::path& root,
                                 const FolderOptions& options = {});

  // True where `root` holds a `format` file.
  static bool exists(const std::filesystem::path& root);

  // Who has the folder open now, without taking the lock; absent where nobody has.
  static Result<std::optional<Holder>> holder(const std::filesystem::path& root);

  DataFolder(DataFolder&& other) noexcept;
  DataFolder& operator=(DataFolder&& other) noexcept;
  ~DataFolder();

  const std::filesystem::path& root() const { return root_; }
  const Settings& settings() const { return settings_; }
  bool is_new() const { return is_new_; }  // made by this call

  std::filesystem::path settings_file() const { return root_ / "attune.toml"; }
  std::filesystem::path journal() const { return root_ / "journal"; }
  std::filesystem::path models() const { return root_ / "models"; }
  std::filesystem::path keys() const { return root_ / "keys"; }
  std::filesystem::path imports() const { return root_ / "imports"; }
  std::filesystem::path history_file() const { return root_ / "history.duckdb"; }
  std::filesystem::path state_file() const { return root_ / "state.sqlite"; }

 private:
  DataFolder(std::filesystem::path root, int lock) : root_(std::move(root)), lock_(lock) {}

  std::filesystem::path root_;
  Settings settings_;
  bool is_new_ = false;
  int lock_ = -1;
};

}  // namespace attune::store
