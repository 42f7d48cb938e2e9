#include "attune/store/data_folder.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/base/text.h"

namespace attune::store {
namespace {

namespace fs = std::filesystem;

constexpr int kFormatVersion = 1;
constexpr std::string_view kFormatWord = "attune ";
constexpr std::array<std::string_view, 4> kFolders = {"journal", "models", "keys", "imports"};

// What may lie in a folder whose making was cut short, or beside which a user wrote settings first.
bool may_precede_creation(std::string_view name) {
  for (const std::string_view folder : kFolders) {
    if (name == folder) return true;
  }
  return name == "lock" || name == "attune.toml" || name == "attune.toml.part" ||
         name == "format.part";
}

Status make_folder(const fs::path& path, bool secret = false) {
  if (::mkdir(path.c_str(), secret ? 0700 : 0755) == 0 || errno == EEXIST) return {};
  return std::unexpected(error_from_errno("create", path));
}

Holder read_holder(int fd) {
  std::array<char, 4096> block{};
  const ssize_t got = ::pread(fd, block.data(), block.size(), 0);
  std::string_view text(block.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  Holder holder;
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return holder;
  std::from_chars(text.data(), text.data() + line, holder.process);
  holder.command = trim(text.substr(line + 1));
  return holder;
}

Error in_use(const fs::path& root, const Holder& holder) {
  return unavailable(fmt::format(
      "data folder {} is in use by process {} ({}); wait for it or stop it with 'kill {}'",
      root.string(), holder.process, attune::quoted(holder.command), holder.process));
}

// Takes the lock and notes who has it. A probe by holder() may have it for a moment: tries for 200
// ms.
Result<int> take_lock(const fs::path& root, std::string_view command) {
  const fs::path path = root / "lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return std::unexpected(error_from_errno("open", path));
  for (int attempt = 0; ::flock(fd, LOCK_EX | LOCK_NB) != 0; ++attempt) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      Error failed = error_from_errno("lock", path);
      ::close(fd);
      return std::unexpected(std::move(failed));
    }
    if (attempt == 20) {
      const Holder holder = read_holder(fd);
      ::close(fd);
      return std::unexpected(in_use(root, holder));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  const std::string note = fmt::format("{}\n{}\n", ::getpid(), command.substr(0, 1000));
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, note.data(), note.size(), 0) != static_cast<ssize_t>(note.size())) {
    Error failed = error_from_errno("write", path);
    ::close(fd);
    return std::unexpected(std::move(failed));
  }
  return fd;
}

Result<int> read_format(const fs::path& root) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(root / "format", 1 << 16));
  std::string_view rest = trim(text);
  int version = 0;
  if (rest.starts_with(kFormatWord)) {
    rest.remove_prefix(kFormatWord.size());
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), version);
    if (error == std::errc{} && end == rest.data() + rest.size() && version > 0) return version;
  }
  return std::unexpected(data_corruption(
      fmt::format("{} should read 'attune <number>' and reads {}; restore the folder from a backup",
                  (root / "format").string(), attune::quoted(text))));
}

Status write_format(const fs::path& root, int version) {
  return write_file_durably(root / "format", fmt::format("{}{}\n", kFormatWord, version));
}

Status check_creatable(const fs::path& root) {
  std::error_code error;
  for (fs::directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!may_precede_creation(name)) {
      return std::unexpected(failed_precondition(
          fmt::format("{} holds '{}' and is no data folder; name an empty folder, or one "
                      "that does not exist yet",
                      root.string(), name)));
    }
  }
  if (error) {
    errno = error.value();
    return std::unexpected(error_from_errno("list", root));
  }
  return {};
}

Status lay_out(const fs::path& root, const FolderOptions& options, int format) {
  for (const std::string_view folder : kFolders) {
    ATTUNE_RETURN_IF_ERROR(make_folder(root / folder, folder == "keys"));
  }
  if (!fs::exists(root / "attune.toml")) {
    ATTUNE_RETURN_IF_ERROR(
        write_file_durably(root / "attune.toml", format_settings(options.initial)));
  }
  // The format comes last: with it the folder is one.
  return write_format(root, format);
}

Status migrate_folder(const fs::path& root, const FolderOptions& options, int format) {
  ATTUNE_ASSIGN_OR_RETURN(int version, read_format(root));
  if (version > format) {
    return std::unexpected(failed_precondition(
        fmt::format("data folder {} has format {}, this program knows up to {}; use a newer Attune",
                    root.string(), version, format)));
  }
  for (const FolderMigration& migration : options.migrations) {
    if (migration.version != version + 1 || version == format) continue;
    if (Status ran = migration.run(root); !ran) {
      return std::unexpected(ran.error().within(
          fmt::format("bringing {} to format {}", root.string(), migration.version)));
    }
    version = migration.version;
    ATTUNE_RETURN_IF_ERROR(write_format(root, version));
  }
  if (version != format) {
    return std::unexpected(failed_precondition(
        fmt::format("data folder {} has format {}, from which there is no way to {}; export it "
                    "with the program that made it",
                    root.string(), version, format)));
  }
  return {};
}

}  // namespace

bool DataFolder::exists(const fs::path& root) {
  std::error_code error;
  return fs::is_regular_file(root / "format", error);
}

Result<std::optional<Holder>> DataFolder::holder(const fs::path& root) {
  const fs::path path = root / "lock";
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ENOENT) return std::optional<Holder>();
    return std::unexpected(error_from_errno("open", path));
  }
  std::optional<Holder> holder;
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0) holder = read_holder(fd);
  ::close(fd);
  return holder;
}

Result<DataFolder> DataFolder::open(const fs::path& root, const FolderOptions& options) {
  if (!exists(root)) {
    return std::unexpected(not_found(
        fmt::format("there is no data folder at {}; 'attune import FILE --data {}' makes one",
                    root.string(), root.string())));
  }
  return create_or_open(root, options);
}

Result<DataFolder> DataFolder::create_or_open(const fs::path& root, const FolderOptions& options) {
  const int format = options.format_version != 0 ? options.format_version : kFormatVersion;
  std::error_code error;
  if (!exists(root)) {
    fs::create_directories(root, error);
    if (error) {
      errno = error.value();
      return std::unexpected(error_from_errno("create", root));
    }
    ATTUNE_RETURN_IF_ERROR(check_creatable(root));
  }
  const fs::path full = fs::absolute(root, error).lexically_normal();
  ATTUNE_ASSIGN_OR_RETURN(const int lock, take_lock(root, options.command));
  DataFolder folder(error ? root : full, lock);
  folder.is_new_ = !exists(root);
  if (folder.is_new_) {
    ATTUNE_RETURN_IF_ERROR(lay_out(root, options, format));
  } else {
    ATTUNE_RETURN_IF_ERROR(migrate_folder(root, options, format));
    for (const std::string_view name : kFolders) {
      ATTUNE_RETURN_IF_ERROR(make_folder(root / name, name == "keys"));
    }
  }
  const fs::path file = root / "attune.toml";
  if (!fs::exists(file)) return folder;
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(file, 1 << 20));
  ATTUNE_ASSIGN_OR_RETURN(folder.settings_, parse_settings(text, file.string()));
  return folder;
}

DataFolder::DataFolder(DataFolder&& other) noexcept
    : root_(std::move(other.root_)),
      settings_(std::move(other.settings_)),
      is_new_(other.is_new_),
      lock_(std::exchange(other.lock_, -1)) {}

DataFolder& DataFolder::operator=(DataFolder&& other) noexcept {
  std::swap(root_, other.root_);
  std::swap(settings_, other.settings_);
  std::swap(is_new_, other.is_new_);
  std::swap(lock_, other.lock_);
  return *this;
}

DataFolder::~DataFolder() {
  if (lock_ >= 0) ::close(lock_);
}

}  // namespace attune::store
