#include "copy_file.h"

#include <cerrno>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "attune/base/files.h"

namespace attune::store {
namespace {

Status pump(int from, int to, const std::filesystem::path& path) {
  std::vector<char> block(1 << 20);
  off_t offset = 0;
  while (true) {
    const ssize_t got = ::pread(from, block.data(), block.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(error_from_errno("read for a copy at", path));
    if (got == 0) break;
    for (ssize_t done = 0; done < got;) {
      const ssize_t put = ::write(to, block.data() + done, static_cast<std::size_t>(got - done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return std::unexpected(error_from_errno("write", path));
      done += put;
    }
    offset += got;
  }
  if (::fsync(to) != 0) return std::unexpected(error_from_errno("sync", path));
  return {};
}

}  // namespace

Status copy_descriptor(int descriptor, const std::filesystem::path& path, bool secret) {
  const int to =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, secret ? 0600 : 0644);
  if (to < 0) return std::unexpected(error_from_errno("create", path));
  Status copied = pump(descriptor, to, path);
  ::close(to);
  if (!copied) ::unlink(path.c_str());
  return copied;
}

}  // namespace attune::store
