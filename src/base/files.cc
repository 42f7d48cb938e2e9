#include "attune/base/files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "attune/base/hash.h"
#include "checked_trailer.h"
#include "descriptor.h"

namespace attune {
namespace {

Status write_all(int fd, std::string_view bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return std::unexpected(error_from_errno("write", path));
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Error corrupt(const std::filesystem::path& path, std::string_view what) {
  return data_corruption(
      fmt::format("{} {}; restore it from a backup or make it again", path.string(), what));
}

}  // namespace

Error error_from_errno(std::string_view doing, const std::filesystem::path& path) {
  const int number = errno;
  const std::string reason =
      fmt::format("cannot {} {}: {}", doing, path.string(), std::strerror(number));
  switch (number) {
    case ENOENT:
    case ENOTDIR:
      return not_found(reason + "; check the path");
    case EACCES:
    case EPERM:
    case EROFS:
      return permission_denied(reason + "; check who owns it");
    case EISDIR:
      return invalid_argument(reason + "; name a file in it");
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return resource_exhausted(reason + "; free some space and try again");
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return resource_exhausted(reason);
    case EEXIST:
      return already_exists(reason);
    case EIO:
      return data_corruption(reason + "; the disk may be failing");
    default:
      return internal_error(reason);
  }
}

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) return std::unexpected(error_from_errno("open", path));
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return std::unexpected(error_from_errno("read", path));
  if (S_ISDIR(facts.st_mode)) {
    return std::unexpected(
        invalid_argument(fmt::format("{} is a folder; name a file in it", path.string())));
  }
  constexpr std::size_t kBlock = 1 << 16;
  std::string bytes;
  std::size_t room = static_cast<std::size_t>(facts.st_size) + 1;  // the end shows by a short read
  while (true) {
    const std::size_t before = bytes.size();
    ssize_t got = 0;
    bytes.resize_and_overwrite(before + room, [&](char* to, std::size_t) {
      got = ::read(file.get(), to + before, room);
      return before + static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    });
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(error_from_errno("read", path));
    if (got == 0) return bytes;
    room -= static_cast<std::size_t>(got);
    if (room == 0) room = kBlock;  // longer than was told
    if (bytes.size() > max_bytes) {
      return std::unexpected(resource_exhausted(fmt::format(
          "{} is larger than the {} bytes that may be read at once", path.string(), max_bytes)));
    }
  }
}

Status sync_path(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.open()) return std::unexpected(error_from_errno("open", path));
  if (::fsync(file.get()) != 0) return std::unexpected(error_from_errno("sync", path));
  return {};
}

Status write_file_durably(const std::filesystem::path& path, std::string_view bytes, bool secret) {
  const std::filesystem::path part = path.string() + ".part";
  {
    const Descriptor file(
        ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, secret ? 0600 : 0644));
    if (!file.open()) return std::unexpected(error_from_errno("create", part));
    Status written = write_all(file.get(), bytes, part);
    if (written && ::fsync(file.get()) != 0)
      written = std::unexpected(error_from_errno("sync", part));
    if (!written) {
      ::unlink(part.c_str());
      return written;
    }
  }
  if (::rename(part.c_str(), path.c_str()) != 0) {
    Error failed = error_from_errno("rename onto", path);
    ::unlink(part.c_str());
    return std::unexpected(std::move(failed));
  }
  return sync_path(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
}

Trailer trailer_of(std::string_view magic, std::uint32_t version, std::string_view payload) {
  const Hash128 hash = hash128(payload, version);
  Trailer trailer{};
  std::memcpy(trailer.magic, magic.data(), magic.size());
  trailer.length = payload.size();
  trailer.hash_high = hash.high;
  trailer.hash_low = hash.low;
  trailer.version = version;
  trailer.trailer_version = kTrailerVersion;
  return trailer;
}

Status write_checked_file(const std::filesystem::path& path, std::string_view magic,
                          std::uint32_t version, std::string_view payload, bool secret) {
  ATTUNE_CHECK(magic.size() <= sizeof(Trailer::magic), "a magic has at most 16 bytes");
  const Trailer trailer = trailer_of(magic, version, payload);
  std::string bytes;
  bytes.reserve(payload.size() + sizeof trailer);
  bytes.append(payload);
  bytes.append(reinterpret_cast<const char*>(&trailer), sizeof trailer);
  return write_file_durably(path, bytes, secret);
}

Result<CheckedBytes> read_checked_file(const std::filesystem::path& path, std::string_view magic,
                                       std::uint32_t newest_version) {
  ATTUNE_ASSIGN_OR_RETURN(std::string bytes, read_file(path));
  Trailer trailer{};
  if (bytes.size() < sizeof trailer) return std::unexpected(corrupt(path, "is cut short"));
  std::memcpy(&trailer, bytes.data() + bytes.size() - sizeof trailer, sizeof trailer);
  char wanted[sizeof trailer.magic] = {};
  std::memcpy(wanted, magic.data(), std::min(magic.size(), sizeof wanted));
  if (std::memcmp(trailer.magic, wanted, sizeof wanted) != 0) {
    return std::unexpected(corrupt(path, fmt::format("is not a whole {} file", magic)));
  }
  if (trailer.trailer_version != kTrailerVersion || trailer.version > newest_version) {
    return std::unexpected(
        failed_precondition(fmt::format("{} was written by a newer version (format {}, this "
                                        "program reads up to {}); upgrade Attune",
                                        path.string(), trailer.version, newest_version)));
  }
  bytes.resize(bytes.size() - sizeof trailer);
  if (trailer.length != bytes.size()) return std::unexpected(corrupt(path, "is cut short"));
  if (hash128(bytes, trailer.version) != Hash128{trailer.hash_high, trailer.hash_low}) {
    return std::unexpected(corrupt(path, "holds other bytes than were written (checksum differs)"));
  }
  return CheckedBytes{trailer.version, std::move(bytes)};
}

}  // namespace attune
