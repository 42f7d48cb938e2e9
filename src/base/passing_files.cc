#include "attune/base/passing_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "attune/base/files.h"
#include "attune/base/pages.h"
#include "checked_trailer.h"
#include "descriptor.h"

namespace attune {
namespace {

constexpr std::size_t kLarge = std::size_t{1} << 20;
constexpr std::size_t kAlignment = 4096;  // of what passes the cache by: memory, place and length
constexpr std::size_t kPiece = std::size_t{4} << 20;  // at least that is laid on large pages

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

// A file system that opens so may still refuse to write so: the rest then goes through the cache.
Status write_aligned(int fd, const char* bytes, std::size_t size,
                     const std::filesystem::path& path) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t written =
        ::pwrite(fd, bytes + done, std::min(kPiece, size - done), static_cast<off_t>(done));
    if (written < 0 && errno == EINTR) continue;
    const int flags = ::fcntl(fd, F_GETFL);
    if (written < 0 && errno == EINVAL && (flags & O_DIRECT) != 0 &&
        ::fcntl(fd, F_SETFL, flags & ~O_DIRECT) == 0) {
      continue;
    }
    if (written < 0) return std::unexpected(error_from_errno("write", path));
    done += static_cast<std::size_t>(written);
    if (done < size && done % kAlignment != 0) (void)::fcntl(fd, F_SETFL, flags & ~O_DIRECT);
  }
  return {};
}

// A payload and its trailer on large pages, with room behind them to the next place that is
// aligned.
class AlignedCopy {
 public:
  AlignedCopy(std::string_view payload, const Trailer& trailer)
      : size_(payload.size() + sizeof trailer), room_(std::max(aligned(size_), kPiece)) {
    bytes_ = static_cast<char*>(allocate_pages(room_));
    std::memcpy(bytes_, payload.data(), payload.size());
    std::memcpy(bytes_ + payload.size(), &trailer, sizeof trailer);
    std::memset(bytes_ + size_, 0, aligned(size_) - size_);
  }
  AlignedCopy(const AlignedCopy&) = delete;
  AlignedCopy& operator=(const AlignedCopy&) = delete;
  ~AlignedCopy() { free_pages(bytes_, room_); }

  const char* data() const { return bytes_; }
  std::size_t size() const { return size_; }

 private:
  std::size_t size_;
  std::size_t room_;
  char* bytes_;
};

Status write_part(int fd, const AlignedCopy& bytes, const std::filesystem::path& part) {
  const std::size_t size = bytes.size();
  ATTUNE_RETURN_IF_ERROR(write_aligned(fd, bytes.data(), aligned(size), part));
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) {
    return std::unexpected(error_from_errno("write", part));
  }
  if (::fsync(fd) != 0) return std::unexpected(error_from_errno("sync", part));
  return {};
}

void advise(const std::filesystem::path& path, int advice) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.open()) (void)::posix_fadvise(file.get(), 0, 0, advice);
}

}  // namespace

Status write_passing_file(const std::filesystem::path& path, std::string_view magic,
                          std::uint32_t version, std::string_view payload) {
  if (payload.size() < kLarge) return write_checked_file(path, magic, version, payload);
  const std::filesystem::path part = path.string() + ".part";
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  int opened = ::open(part.c_str(), kFlags | O_DIRECT, 0644);
  if (opened < 0 && errno == EINVAL) opened = ::open(part.c_str(), kFlags, 0644);
  const Descriptor file(opened);
  if (!file.open()) return std::unexpected(error_from_errno("create", part));
  const AlignedCopy bytes(payload, trailer_of(magic, version, payload));
  Status written = write_part(file.get(), bytes, part);
  if (written && ::rename(part.c_str(), path.c_str()) != 0)
    written = std::unexpected(error_from_errno("rename onto", path));
  if (!written) {
    ::unlink(part.c_str());
    return written;
  }
  return sync_path(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."));
}

void read_ahead(const std::filesystem::path& path) { advise(path, POSIX_FADV_WILLNEED); }
void read_for_good(const std::filesystem::path& path) { advise(path, POSIX_FADV_DONTNEED); }

}  // namespace attune
