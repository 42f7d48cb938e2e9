#include "attune/store/backup.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "backup_archive.h"

namespace attune::store {
namespace {

namespace fs = std::filesystem;

Error error_from(const std::error_code& code, std::string_view doing, const fs::path& path) {
  errno = code.value();
  return error_from_errno(doing, path);
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// A folder or file that goes with the object.
class Scratch {
 public:
  explicit Scratch(fs::path path) : path_(std::move(path)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

  Status make_folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
    if (::mkdir(path_.c_str(), 0700) == 0) return {};
    return std::unexpected(error_from_errno("create", path_));
  }

 private:
  fs::path path_;
};

// Hears of bytes done, tells of them, and stops when asked to.
class Teller {
 public:
  Teller(Progress* progress, std::string_view phase, std::uint64_t total) : progress_(progress) {
    if (progress_ != nullptr) progress_->phase(phase, static_cast<std::int64_t>(total), "bytes");
  }
  Status advance(std::uint64_t bytes) {
    done_ += bytes;
    if (progress_ == nullptr) return {};
    if (progress_->cancelled())
      return std::unexpected(cancelled("stopped; nothing was left behind"));
    progress_->advance(static_cast<std::int64_t>(done_));
    return {};
  }

 private:
  Progress* progress_;
  std::uint64_t done_ = 0;
};

std::uint64_t bytes_under(const fs::path& root) {
  std::uint64_t bytes = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored)) bytes += entry->file_size(ignored);
  }
  return bytes;
}

// The regular files under `root`, sorted. A missing folder has none.
Result<std::vector<fs::path>> files_under(const fs::path& root) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && entry->path().extension() != ".part") {
      files.push_back(entry->path());
    }
  }
  if (error && error.value() != ENOENT) return std::unexpected(error_from(error, "list", root));
  std::ranges::sort(files);
  return files;
}

class BackupRun {
 public:
  BackupRun(const BackupSources& sources, ArchiveWriter& archive, const fs::path& scratch,
            Teller& teller)
      : sources_(sources), archive_(archive), scratch_(scratch), teller_(teller) {}

  Status run(bool include_keys) {
    // History first, journal last: what history and state have not seen, the journal gives them.
    const Journal::Pin pin = sources_.journal.pin();
    ATTUNE_RETURN_IF_ERROR(sources_.history.copy_to(scratch_ / "history.duckdb"));
    ATTUNE_RETURN_IF_ERROR(add_copies());
    ATTUNE_RETURN_IF_ERROR(sources_.state.copy_to(scratch_ / "state.sqlite"));
    ATTUNE_RETURN_IF_ERROR(add_copies());
    ATTUNE_RETURN_IF_ERROR(make("journal"));
    ATTUNE_RETURN_IF_ERROR(sources_.journal.copy_to(scratch_ / "journal"));
    ATTUNE_RETURN_IF_ERROR(add_copies());
    ATTUNE_RETURN_IF_ERROR(add_tree("imports"));
    ATTUNE_RETURN_IF_ERROR(add_tree("models"));
    ATTUNE_RETURN_IF_ERROR(add("attune.toml", sources_.folder.settings_file()));
    ATTUNE_RETURN_IF_ERROR(add("format", sources_.folder.root() / "format"));
    if (!include_keys) return {};
    // After state: whatever it holds sealed has its key by now.
    ATTUNE_RETURN_IF_ERROR(make("keys"));
    ATTUNE_RETURN_IF_ERROR(sources_.vault.copy_to(scratch_ / "keys"));
    return add_copies();
  }

 private:
  Status make(std::string_view folder) {
    if (::mkdir((scratch_ / folder).c_str(), 0700) == 0) return {};
    return std::unexpected(error_from_errno("create", scratch_ / folder));
  }

  Status add(std::string_view name, const fs::path& source) {
    return archive_.add(name, source, [&](std::uint64_t bytes) { return teller_.advance(bytes); });
  }

  // Everything in the scratch folder, which is empty afterwards.
  Status add_copies() {
    ATTUNE_ASSIGN_OR_RETURN(const auto files, files_under(scratch_));
    for (const fs::path& file : files) {
      ATTUNE_RETURN_IF_ERROR(add(file.lexically_relative(scratch_).generic_string(), file));
      std::error_code error;
      fs::remove(file, error);
      if (error) return std::unexpected(error_from(error, "delete", file));
    }
    return {};
  }

  Status add_tree(std::string_view folder) {
    const fs::path root = sources_.folder.root();
    ATTUNE_ASSIGN_OR_RETURN(const auto files, files_under(root / folder));
    for (const fs::path& file : files) {
      const Status added = add(file.lexically_relative(root).generic_string(), file);
      // A model that was replaced since the look at the folder.
      std::error_code ignored;
      if (!added && added.error().code == ErrorCode::not_found && !fs::exists(file, ignored))
        continue;
      ATTUNE_RETURN_IF_ERROR(added);
    }
    return {};
  }

  const BackupSources& sources_;
  ArchiveWriter& archive_;
  const fs::path& scratch_;
  Teller& teller_;
};

// A member's place under the restored folder. A backup comes from outside: names that lead
// elsewhere are refused.
Result<fs::path> safe_place(const fs::path& root, std::string_view name) {
  constexpr std::array<std::string_view, 8> kRoots = {"attune.toml",    "format",      "journal",
                                                      "models",         "imports",     "keys",
                                                      "history.duckdb", "state.sqlite"};
  const fs::path path(name);
  bool safe = path.is_relative() && !path.empty() &&
              std::ranges::find(kRoots, path.begin()->string()) != kRoots.end() &&
              name.find('\0') == std::string_view::npos;
  for (const fs::path& part : path) safe = safe && part != ".." && part != "." && !part.empty();
  if (safe) return root / path;
  return std::unexpected(data_corruption(
      fmt::format("the backup names a member '{}' that leads out of the data folder", name)));
}

// Checks sums and nothing else.
class CheckVisitor : public ArchiveVisitor {
 public:
  explicit CheckVisitor(Teller& teller) : teller_(teller) {}
  Status begin(std::string_view name) override {
    ATTUNE_RETURN_IF_ERROR(safe_place("/", name));
    return {};
  }
  Status block(std::string_view bytes) override { return teller_.advance(bytes.size()); }
  Status end() override { return {}; }

 private:
  Teller& teller_;
};

class UnpackVisitor final : public ArchiveVisitor {
 public:
  UnpackVisitor(fs::path root, Teller& teller) : root_(std::move(root)), teller_(teller) {}
  UnpackVisitor(const UnpackVisitor&) = delete;
  UnpackVisitor& operator=(const UnpackVisitor&) = delete;
  ~UnpackVisitor() override {
    if (file_ >= 0) ::close(file_);
  }

  Status begin(std::string_view name) override {
    ATTUNE_ASSIGN_OR_RETURN(path_, safe_place(root_, name));
    std::error_code error;
    fs::create_directories(path_.parent_path(), error);
    if (error) return std::unexpected(error_from(error, "create", path_.parent_path()));
    const bool secret = name.starts_with("keys/");
    file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0644);
    if (file_ < 0) return std::unexpected(error_from_errno("create", path_));
    return {};
  }
  Status block(std::string_view bytes) override {
    ATTUNE_RETURN_IF_ERROR(teller_.advance(bytes.size()));
    while (!bytes.empty()) {
      const ssize_t put = ::write(file_, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return std::unexpected(error_from_errno("write", path_));
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  }
  Status end() override {
    if (::fsync(file_) != 0) return std::unexpected(error_from_errno("sync", path_));
    ::close(std::exchange(file_, -1));
    return {};
  }

 private:
  fs::path root_;
  Teller& teller_;
  fs::path path_;
  int file_ = -1;
};

Status check_target(const fs::path& target) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(target, error))) return {};
  if (fs::is_directory(target, error) && fs::is_empty(target, error) && !error) return {};
  return std::unexpected(already_exists(fmt::format(
      "{} is there and not empty; restore into a new folder, then swap them", target.string())));
}

Status sync_folders(const fs::path& root) {
  std::error_code error;
  for (fs::recursive_directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_directory()) ATTUNE_RETURN_IF_ERROR(sync_path(entry->path()));
  }
  if (error) return std::unexpected(error_from(error, "list", root));
  return sync_path(root);
}

std::uint64_t raw_bytes(const BackupContents& contents) {
  std::uint64_t bytes = 0;
  for (const BackupMember& member : contents.members) bytes += member.bytes;
  return bytes;
}

}  // namespace

Result<BackupContents> backup(const BackupSources& sources, const fs::path& file,
                              const BackupOptions& options) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(file, error))) {
    return std::unexpected(
        already_exists(fmt::format("{} is there already; name another file", file.string())));
  }
  const Scratch part(file.string() + ".part");
  Scratch scratch(file.string() + ".copies");
  ATTUNE_RETURN_IF_ERROR(scratch.make_folder());
  ATTUNE_ASSIGN_OR_RETURN(ArchiveWriter archive,
                          ArchiveWriter::create(part.path(), options.include_keys));
  Teller teller(options.progress, "backup", bytes_under(sources.folder.root()));
  ATTUNE_RETURN_IF_ERROR(
      BackupRun(sources, archive, scratch.path(), teller).run(options.include_keys));
  ATTUNE_RETURN_IF_ERROR(archive.finish(options.made_at, options.include_keys));
  fs::rename(part.path(), file, error);
  if (error) return std::unexpected(error_from(error, "rename onto", file));
  ATTUNE_RETURN_IF_ERROR(sync_path(folder_of(file)));
  return BackupContents{.version = 1,
                        .made_at = options.made_at,
                        .has_keys = options.include_keys,
                        .members = archive.members(),
                        .file_bytes = archive.bytes()};
}

Result<BackupContents> verify_backup(const fs::path& file, Progress* progress) {
  Teller teller(progress, "checking the backup", 0);
  CheckVisitor visitor(teller);
  return read_archive(file, visitor);
}

Result<BackupContents> restore(const fs::path& file, const fs::path& target,
                               const RestoreOptions& options) {
  ATTUNE_RETURN_IF_ERROR(check_target(target));
  ATTUNE_ASSIGN_OR_RETURN(BackupContents contents, verify_backup(file, options.progress));
  // "x/" and "x" are one folder.
  const fs::path named = target.has_filename() ? target : target.parent_path();
  std::error_code error;
  fs::create_directories(folder_of(named), error);
  if (error) return std::unexpected(error_from(error, "create", folder_of(named)));
  Scratch scratch(fmt::format("{}.restoring-{}", named.string(), ::getpid()));
  ATTUNE_RETURN_IF_ERROR(scratch.make_folder());
  for (const char* folder : {"journal", "models", "keys", "imports"}) {
    const mode_t mode = std::string_view(folder) == "keys" ? 0700 : 0755;
    if (::mkdir((scratch.path() / folder).c_str(), mode) != 0) {
      return std::unexpected(error_from_errno("create", scratch.path() / folder));
    }
  }
  Teller teller(options.progress, "restoring", raw_bytes(contents));
  UnpackVisitor visitor(scratch.path(), teller);
  ATTUNE_RETURN_IF_ERROR(read_archive(file, visitor));
  if (options.before_publish) ATTUNE_RETURN_IF_ERROR(options.before_publish(scratch.path()));
  ATTUNE_RETURN_IF_ERROR(sync_folders(scratch.path()));
  if (::chmod(scratch.path().c_str(), 0755) != 0) {
    return std::unexpected(error_from_errno("open up", scratch.path()));
  }
  fs::rename(scratch.path(), named, error);  // replaces an empty folder
  if (error) return std::unexpected(error_from(error, "rename onto", named));
  ATTUNE_RETURN_IF_ERROR(sync_path(folder_of(named)));
  return contents;
}

}  // namespace attune::store
