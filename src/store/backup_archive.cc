#include "backup_archive.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <zstd.h>

#include "attune/base/files.h"

namespace attune::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "ATTUNEBK";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kBlockBytes = 1 << 20;
constexpr std::size_t kPackedMax = kBlockBytes + (kBlockBytes >> 7) + 4096;
constexpr std::size_t kNameMax = 1024;
constexpr int kLevel = 1;
constexpr char kMember = 'M';
constexpr char kEnd = 'E';

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

// The sum of what came before and `bytes`.
Hash128 chained(const Hash128& before, std::string_view bytes) {
  return hash128(bytes, combine(before.high, before.low));
}

std::string sum_of_member(const Hash128& chain, std::uint64_t size) {
  std::string text;
  put(text, size);
  put(text, chain.high);
  put(text, chain.low);
  return text;
}

// A file that is closed on scope exit.
struct File {
  int descriptor;
  explicit File(int opened) : descriptor(opened) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

// As many bytes as there are up to `size`. Errors: of the disk.
Result<std::size_t> read_up_to(int file, char* into, std::size_t size, const fs::path& path) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(file, into + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(error_from_errno("read", path));
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

}  // namespace

ArchiveWriter::ArchiveWriter(fs::path path, int file)
    : path_(std::move(path)), file_(file), compressor_(ZSTD_createCCtx(), ZSTD_freeCCtx) {
  packed_.resize(ZSTD_compressBound(kBlockBytes));
  ZSTD_CCtx_setParameter(compressor_.get(), ZSTD_c_compressionLevel, kLevel);
}

ArchiveWriter::ArchiveWriter(ArchiveWriter&& other) noexcept
    : path_(std::move(other.path_)),
      file_(std::exchange(other.file_, -1)),
      compressor_(std::move(other.compressor_)),
      packed_(std::move(other.packed_)),
      members_(std::move(other.members_)),
      all_(other.all_),
      bytes_(other.bytes_) {}

ArchiveWriter::~ArchiveWriter() {
  if (file_ >= 0) ::close(file_);
}

Result<ArchiveWriter> ArchiveWriter::create(const fs::path& path, bool secret) {
  const int file =
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, secret ? 0600 : 0644);
  if (file < 0) return std::unexpected(error_from_errno("create", path));
  ArchiveWriter writer(path, file);
  std::string head(kMagic);
  put(head, kVersion);
  ATTUNE_RETURN_IF_ERROR(writer.write(head));
  return writer;
}

Status ArchiveWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put_bytes = ::write(file_, bytes.data(), bytes.size());
    if (put_bytes < 0 && errno == EINTR) continue;
    if (put_bytes < 0) return std::unexpected(error_from_errno("write", path_));
    bytes_ += static_cast<std::uint64_t>(put_bytes);
    bytes.remove_prefix(static_cast<std::size_t>(put_bytes));
  }
  return {};
}

Status ArchiveWriter::add_block(std::string_view raw, Hash128& chain) {
  const std::size_t size =
      ZSTD_compress2(compressor_.get(), packed_.data(), packed_.size(), raw.data(), raw.size());
  if (ZSTD_isError(size)) return std::unexpected(internal_error(ZSTD_getErrorName(size)));
  chain = chained(chained(chain, raw), std::string_view(packed_).substr(0, size));
  std::string head;
  put(head, static_cast<std::uint32_t>(size));
  put(head, static_cast<std::uint32_t>(raw.size()));
  ATTUNE_RETURN_IF_ERROR(write(head));
  return write(std::string_view(packed_).substr(0, size));
}

Status ArchiveWriter::add(std::string_view name, const fs::path& source, const Tell& tell) {
  const File from(::open(source.c_str(), O_RDONLY | O_CLOEXEC));
  if (from.descriptor < 0) return std::unexpected(error_from_errno("open", source));
  std::string head(1, kMember);
  put(head, static_cast<std::uint32_t>(name.size()));
  head += name;
  ATTUNE_RETURN_IF_ERROR(write(head));
  Hash128 chain = chained({}, name);
  BackupMember member{std::string(name), 0};
  std::vector<char> block(kBlockBytes);
  while (true) {
    ATTUNE_ASSIGN_OR_RETURN(const std::size_t got,
                            read_up_to(from.descriptor, block.data(), block.size(), source));
    if (got == 0) break;
    ATTUNE_RETURN_IF_ERROR(add_block({block.data(), got}, chain));
    member.bytes += got;
    ATTUNE_RETURN_IF_ERROR(tell(got));
  }
  std::string tail;
  put(tail, std::uint32_t{0});
  const std::string sum = sum_of_member(chain, member.bytes);
  tail += sum;
  all_ = chained(all_, sum);
  members_.push_back(std::move(member));
  return write(tail);
}

Status ArchiveWriter::finish(Timestamp made_at, bool has_keys) {
  std::string facts;
  put(facts, made_at.micros);
  put(facts, static_cast<std::uint8_t>(has_keys));
  put(facts, static_cast<std::uint32_t>(members_.size()));
  const Hash128 sum = chained(all_, facts);
  std::string end(1, kEnd);
  end += facts;
  put(end, sum.high);
  put(end, sum.low);
  ATTUNE_RETURN_IF_ERROR(write(end));
  if (::fsync(file_) != 0) return std::unexpected(error_from_errno("sync", path_));
  return {};
}

namespace {

// Reads an archive from its beginning to its end, and knows in which member it is.
class ArchiveReader {
 public:
  ArchiveReader(const fs::path& path, int file, ArchiveVisitor& visitor)
      : path_(path), file_(file), visitor_(visitor), raw_(kBlockBytes), packed_(kPackedMax) {}

  Result<BackupContents> run() {
    ATTUNE_RETURN_IF_ERROR(read_head());
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const char mark, take<char>());
      if (mark == kEnd) break;
      if (mark != kMember) return std::unexpected(damaged("is altered"));
      ATTUNE_RETURN_IF_ERROR(read_member());
    }
    ATTUNE_RETURN_IF_ERROR(read_end());
    return std::move(contents_);
  }

 private:
  Error damaged(std::string_view what) const {
    const std::string place =
        member_.empty() ? std::string("before its first member")
                        : fmt::format("{} member '{}'", inside_ ? "in" : "after", member_);
    return data_corruption(
        fmt::format("backup {} {} {}; use another backup", path_.string(), what, place));
  }

  Status take_bytes(char* into, std::size_t size) {
    ATTUNE_ASSIGN_OR_RETURN(const std::size_t got, read_up_to(file_, into, size, path_));
    contents_.file_bytes += got;
    if (got < size) return std::unexpected(damaged("is cut short"));
    return {};
  }

  template <class T>
  Result<T> take() {
    T value;
    ATTUNE_RETURN_IF_ERROR(take_bytes(reinterpret_cast<char*>(&value), sizeof value));
    return value;
  }

  Status read_head() {
    std::array<char, kMagic.size()> magic{};
    ATTUNE_ASSIGN_OR_RETURN(const std::size_t got,
                            read_up_to(file_, magic.data(), magic.size(), path_));
    contents_.file_bytes += got;
    if (std::string_view(magic.data(), got) != kMagic) {
      return std::unexpected(invalid_argument(fmt::format(
          "{} is not a backup of Attune; name a file that 'attune backup' made", path_.string())));
    }
    ATTUNE_ASSIGN_OR_RETURN(const auto version, take<std::uint32_t>());
    if (version > kVersion) {
      return std::unexpected(failed_precondition(
          fmt::format("backup {} has version {}, this program knows up to {}; use a newer Attune",
                      path_.string(), version, kVersion)));
    }
    if (version == 0) return std::unexpected(damaged("is altered"));
    contents_.version = static_cast<int>(version);
    return {};
  }

  Status read_member() {
    ATTUNE_ASSIGN_OR_RETURN(const auto length, take<std::uint32_t>());
    if (length == 0 || length > kNameMax) return std::unexpected(damaged("is altered"));
    std::string name(length, '\0');
    ATTUNE_RETURN_IF_ERROR(take_bytes(name.data(), name.size()));
    member_ = name;
    inside_ = true;
    ATTUNE_RETURN_IF_ERROR(visitor_.begin(name));
    Hash128 chain = chained({}, name);
    std::uint64_t size = 0;
    while (true) {
      ATTUNE_ASSIGN_OR_RETURN(const bool more, read_block(chain, size));
      if (!more) break;
    }
    const std::string expected = sum_of_member(chain, size);
    std::string stated(expected.size(), '\0');
    ATTUNE_RETURN_IF_ERROR(take_bytes(stated.data(), stated.size()));
    if (stated != expected) return std::unexpected(damaged("is altered"));
    all_ = chained(all_, stated);
    contents_.members.push_back({name, size});
    inside_ = false;
    return visitor_.end();
  }

  Result<bool> read_block(Hash128& chain, std::uint64_t& size) {
    ATTUNE_ASSIGN_OR_RETURN(const auto packed, take<std::uint32_t>());
    if (packed == 0) return false;
    ATTUNE_ASSIGN_OR_RETURN(const auto raw, take<std::uint32_t>());
    if (packed > packed_.size() || raw > raw_.size()) return std::unexpected(damaged("is altered"));
    ATTUNE_RETURN_IF_ERROR(take_bytes(packed_.data(), packed));
    const std::size_t got = ZSTD_decompress(raw_.data(), raw_.size(), packed_.data(), packed);
    if (ZSTD_isError(got) || got != raw) return std::unexpected(damaged("is altered"));
    const std::string_view bytes(raw_.data(), raw);
    chain = chained(chained(chain, bytes), {packed_.data(), packed});
    size += raw;
    ATTUNE_RETURN_IF_ERROR(visitor_.block(bytes));
    return true;
  }

  Status read_end() {
    std::string facts(sizeof(std::int64_t) + 1 + sizeof(std::uint32_t), '\0');
    ATTUNE_RETURN_IF_ERROR(take_bytes(facts.data(), facts.size()));
    Hash128 stated;
    ATTUNE_ASSIGN_OR_RETURN(stated.high, take<std::uint64_t>());
    ATTUNE_ASSIGN_OR_RETURN(stated.low, take<std::uint64_t>());
    std::memcpy(&contents_.made_at.micros, facts.data(), sizeof(std::int64_t));
    contents_.has_keys = facts[sizeof(std::int64_t)] != 0;
    std::uint32_t count = 0;
    std::memcpy(&count, facts.data() + sizeof(std::int64_t) + 1, sizeof count);
    char more = 0;
    ATTUNE_ASSIGN_OR_RETURN(const std::size_t rest, read_up_to(file_, &more, 1, path_));
    if (stated != chained(all_, facts) || count != contents_.members.size() || rest != 0) {
      return std::unexpected(damaged("is altered"));
    }
    return {};
  }

  const fs::path& path_;
  int file_;
  ArchiveVisitor& visitor_;
  std::vector<char> raw_;
  std::vector<char> packed_;
  std::string member_;
  bool inside_ = false;
  Hash128 all_;
  BackupContents contents_;
};

}  // namespace

Result<BackupContents> read_archive(const fs::path& path, ArchiveVisitor& visitor) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.descriptor < 0) return std::unexpected(error_from_errno("open", path));
  struct stat facts{};
  if (::fstat(file.descriptor, &facts) == 0 && S_ISDIR(facts.st_mode)) {
    return std::unexpected(
        invalid_argument(fmt::format("{} is a folder; name a file in it", path.string())));
  }
  return ArchiveReader(path, file.descriptor, visitor).run();
}

}  // namespace attune::store
