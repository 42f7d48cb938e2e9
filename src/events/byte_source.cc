#include "attune/events/byte_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "attune/base/files.h"
#include "text_decoder.h"

namespace attune::events {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{256} << 10;
constexpr std::size_t kHeadBytes = std::size_t{1} << 20;
constexpr std::size_t kTextHeadBytes = std::size_t{256} << 10;

// A step of the way from disk to text: each reads from the one before.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual Result<std::size_t> read(std::span<char> out) = 0;
};

class FileStage final : public Stage {
 public:
  FileStage(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
  FileStage(const FileStage&) = delete;
  FileStage& operator=(const FileStage&) = delete;
  ~FileStage() override { ::close(fd_); }

  Result<std::size_t> read(std::span<char> out) override {
    while (true) {
      const ssize_t got = ::read(fd_, out.data(), out.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return std::unexpected(error_from_errno("read", path_));
    }
  }

 private:
  int fd_;
  std::filesystem::path path_;
};

class MemoryStage final : public Stage {
 public:
  explicit MemoryStage(std::string bytes) : bytes_(std::move(bytes)) {}

  Result<std::size_t> read(std::span<char> out) override {
    const std::size_t count = std::min(out.size(), bytes_.size() - used_);
    std::memcpy(out.data(), bytes_.data() + used_, count);
    used_ += count;
    return count;
  }

 private:
  std::string bytes_;
  std::size_t used_ = 0;
};

// Hands bytes over with a buffer in front, and counts them.
class RawBytes {
 public:
  explicit RawBytes(std::unique_ptr<Stage> stage)
      : stage_(std::move(stage)), buffer_(kBlockBytes) {}

  // What lies ready, after reading if nothing did; empty at the end.
  Result<std::string_view> ready() {
    if (used_ == filled_) {
      ATTUNE_ASSIGN_OR_RETURN(filled_, stage_->read(buffer_));
      used_ = 0;
    }
    return std::string_view(buffer_.data() + used_, filled_ - used_);
  }
  void consume(std::size_t bytes) {
    used_ += bytes;
    total_ += static_cast<std::int64_t>(bytes);
  }
  // The first bytes, without consuming them. Only before anything is consumed.
  Result<std::string_view> head(std::size_t wanted) {
    while (filled_ < wanted) {
      ATTUNE_ASSIGN_OR_RETURN(const std::size_t got,
                              stage_->read(std::span(buffer_).subspan(filled_)));
      if (got == 0) break;
      filled_ += got;
    }
    return std::string_view(buffer_.data(), std::min(filled_, wanted));
  }
  std::int64_t total() const { return total_; }

 private:
  std::unique_ptr<Stage> stage_;
  std::vector<char> buffer_;
  std::size_t used_ = 0;
  std::size_t filled_ = 0;
  std::int64_t total_ = 0;
};

class PlainStage final : public Stage {
 public:
  explicit PlainStage(RawBytes& raw) : raw_(raw) {}
  Result<std::size_t> read(std::span<char> out) override {
    ATTUNE_ASSIGN_OR_RETURN(const std::string_view bytes, raw_.ready());
    const std::size_t count = std::min(out.size(), bytes.size());
    std::memcpy(out.data(), bytes.data(), count);
    raw_.consume(count);
    return count;
  }

 private:
  RawBytes& raw_;
};

Error cut_short(std::string_view file, std::string_view kind, std::int64_t at) {
  return data_corruption(fmt::format(
      "{}: the {} data end too early, after byte {}; the file was cut short while it was copied "
      "or written: fetch it again",
      file, kind, at));
}

Error broken(std::string_view file, std::string_view kind, std::int64_t at, std::string_view why) {
  return data_corruption(fmt::format(
      "{}: the {} data are broken near byte {} ({}); fetch the file again", file, kind, at, why));
}

class GzipStage final : public Stage {
 public:
  GzipStage(RawBytes& raw, std::string file) : raw_(raw), file_(std::move(file)) {
    inflateInit2(&stream_, 15 + 16);
  }
  GzipStage(const GzipStage&) = delete;
  GzipStage& operator=(const GzipStage&) = delete;
  ~GzipStage() override { inflateEnd(&stream_); }

  Result<std::size_t> read(std::span<char> out) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(std::min(out.size(), kHeadBytes));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted) {
      ATTUNE_ASSIGN_OR_RETURN(const std::string_view bytes, raw_.ready());
      if (bytes.empty()) {
        if (inside_) return std::unexpected(cut_short(file_, "gzip", raw_.total()));
        return std::size_t{0};
      }
      if (!inside_ && !begin_member(bytes)) return std::size_t{0};
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
      stream_.avail_in = static_cast<uInt>(bytes.size());
      const int code = inflate(&stream_, Z_NO_FLUSH);
      raw_.consume(bytes.size() - stream_.avail_in);
      if (code == Z_STREAM_END) {
        inside_ = false;
      } else if (code != Z_OK && code != Z_BUF_ERROR) {
        return std::unexpected(
            broken(file_, "gzip", raw_.total(), stream_.msg != nullptr ? stream_.msg : "not gzip"));
      }
    }
    return static_cast<std::size_t>(wanted - stream_.avail_out);
  }

 private:
  // What follows a member is another, or padding, which is let be.
  bool begin_member(std::string_view bytes) {
    if (started_ && bytes[0] != '\x1F') return false;
    if (started_) inflateReset(&stream_);
    started_ = inside_ = true;
    return true;
  }

  RawBytes& raw_;
  std::string file_;
  z_stream stream_{};
  bool started_ = false;
  bool inside_ = false;
};

class ZstdStage final : public Stage {
 public:
  ZstdStage(RawBytes& raw, std::string file)
      : raw_(raw), file_(std::move(file)), stream_(ZSTD_createDStream()) {}
  ZstdStage(const ZstdStage&) = delete;
  ZstdStage& operator=(const ZstdStage&) = delete;
  ~ZstdStage() override { ZSTD_freeDStream(stream_); }

  Result<std::size_t> read(std::span<char> out) override {
    ZSTD_outBuffer target{out.data(), out.size(), 0};
    while (target.pos == 0) {
      ATTUNE_ASSIGN_OR_RETURN(const std::string_view bytes, raw_.ready());
      ZSTD_inBuffer source{bytes.data(), bytes.size(), 0};
      const bool at_end = bytes.empty();
      const std::size_t code = ZSTD_decompressStream(stream_, &target, &source);
      if (ZSTD_isError(code)) {
        return std::unexpected(broken(file_, "zstd", raw_.total(), ZSTD_getErrorName(code)));
      }
      raw_.consume(source.pos);
      if (source.pos > 0) pending_ = code != 0;
      if (at_end && target.pos == 0) {
        if (pending_) return std::unexpected(cut_short(file_, "zstd", raw_.total()));
        return std::size_t{0};
      }
    }
    return target.pos;
  }

 private:
  RawBytes& raw_;
  std::string file_;
  ZSTD_DStream* stream_;
  bool pending_ = false;
};

// What is certainly no text, by its first bytes.
Status check_kind(std::string_view head, std::string_view file) {
  std::string_view kind;
  if (head.starts_with("PK\x03\x04")) kind = "an Excel workbook (.xlsx) or another zip archive";
  if (head.starts_with("\xD0\xCF\x11\xE0")) kind = "an Excel workbook (.xls)";
  if (head.starts_with("SQLite format 3")) kind = "an SQLite database";
  if (head.starts_with("%PDF-")) kind = "a PDF document";
  if (kind.empty()) return {};
  return std::unexpected(invalid_argument(
      fmt::format("{} is {}; save its table as CSV in UTF-8 and import that file", file, kind)));
}

// NUL bytes among the first ones. Every other byte of UTF-16 is one where the text is ASCII, as
// separators and line ends are in any language.
struct NulCount {
  std::size_t even = 0;  // at 0, 2, 4 …: high bytes of UTF-16BE
  std::size_t odd = 0;   // at 1, 3, 5 …: those of UTF-16LE
  std::size_t bytes = 0;
};
NulCount count_nuls(std::string_view head) {
  constexpr std::size_t kLooked = 4096;
  NulCount count{.bytes = std::min(head.size(), kLooked)};
  for (std::size_t i = 0; i < count.bytes; ++i) {
    if (head[i] == '\0') ++(i % 2 == 0 ? count.even : count.odd);
  }
  return count;
}

bool is_utf16(Encoding encoding) {
  return encoding == Encoding::utf16_le || encoding == Encoding::utf16_be;
}

class Source final : public ByteSource {
 public:
  Source(std::string name, std::unique_ptr<Stage> stage, std::int64_t total)
      : name_(std::move(name)), raw_(std::move(stage)), total_(total) {}

  Status start(const ByteSourceOptions& options) {
    ATTUNE_RETURN_IF_ERROR(choose_compression());
    ATTUNE_RETURN_IF_ERROR(fill_head());
    ATTUNE_RETURN_IF_ERROR(check_kind(head_, name_));
    ATTUNE_ASSIGN_OR_RETURN(const EncodingGuess guess, settle_encoding(options));
    encoding_ = guess.encoding;
    certain_ = guess.certain || options.encoding.has_value();
    head_used_ = guess.mark_bytes;
    if (encoding_ != Encoding::utf8) {
      ATTUNE_ASSIGN_OR_RETURN(decoder_, TextDecoder::create(encoding_));
    }
    std::string text(kTextHeadBytes, '\0');
    ATTUNE_ASSIGN_OR_RETURN(const std::size_t got, fill(text));
    if (got == 0) return std::unexpected(empty());
    text_head_all_ = got < kTextHeadBytes;
    text.resize(got);
    text_head_ = std::move(text);
    return {};
  }

  std::string_view head() const override { return text_head_; }
  bool head_is_all() const override { return text_head_all_; }

  Result<std::size_t> read(std::span<char> out) override {
    std::size_t copied = 0;
    if (text_head_used_ < text_head_.size()) {
      copied = std::min(out.size(), text_head_.size() - text_head_used_);
      std::memcpy(out.data(), text_head_.data() + text_head_used_, copied);
      text_head_used_ += copied;
    }
    ATTUNE_ASSIGN_OR_RETURN(const std::size_t got, fill(out.subspan(copied)));
    return copied + got;
  }

  const std::string& name() const override { return name_; }
  Encoding encoding() const override { return encoding_; }
  bool encoding_certain() const override { return certain_; }
  Compression compression() const override { return compression_; }
  std::int64_t bytes_read() const override { return raw_.total(); }
  std::int64_t bytes_total() const override { return total_; }

 private:
  Result<std::size_t> fill(std::span<char> out) {
    std::size_t filled = 0;
    while (filled < out.size()) {
      ATTUNE_ASSIGN_OR_RETURN(const std::size_t got, decoder_ ? read_decoded(out.subspan(filled))
                                                              : read_unpacked(out.subspan(filled)));
      if (got == 0) break;
      filled += got;
    }
    return filled;
  }

  Status choose_compression() {
    ATTUNE_ASSIGN_OR_RETURN(const std::string_view head, raw_.head(4));
    if (head.starts_with("\x1F\x8B")) {
      compression_ = Compression::gzip;
      unpacked_ = std::make_unique<GzipStage>(raw_, name_);
    } else if (head == "\x28\xB5\x2F\xFD") {
      compression_ = Compression::zstd;
      unpacked_ = std::make_unique<ZstdStage>(raw_, name_);
    } else {
      unpacked_ = std::make_unique<PlainStage>(raw_);
    }
    return {};
  }

  Status fill_head() {
    head_.resize(kHeadBytes);
    std::size_t filled = 0;
    while (filled < head_.size()) {
      ATTUNE_ASSIGN_OR_RETURN(const std::size_t got,
                              unpacked_->read(std::span(head_).subspan(filled)));
      if (got == 0) break;
      filled += got;
    }
    head_.resize(filled);
    if (filled == 0) return std::unexpected(empty());
    return {};
  }

  // What is stated, else what the text seems to be.
  Result<EncodingGuess> settle_encoding(const ByteSourceOptions& options) const {
    const EncodingGuess guess = guess_encoding(head_, head_.size() < kHeadBytes);
    const Encoding encoding = options.encoding.value_or(guess.encoding);
    const NulCount nuls = count_nuls(head_);
    if (!is_utf16(encoding)) {
      if ((nuls.even + nuls.odd) * 10 >= nuls.bytes && !head_.starts_with("PAR1")) {
        return std::unexpected(invalid_argument(fmt::format(
            "{} is no text: {} of its first {} bytes are NUL; save its table as CSV in UTF-8, or "
            "say --encoding utf-16le or utf-16be if it is that",
            name_, nuls.even + nuls.odd, nuls.bytes)));
      }
      return encoding == guess.encoding ? guess : EncodingGuess{encoding, 0, true};
    }
    if (is_utf16(guess.encoding)) return guess;  // its mark says which
    if (nuls.even + nuls.odd == 0) {
      return std::unexpected(invalid_argument(
          fmt::format("{} is not in UTF-16, as --encoding says, but seems to be in {}; leave "
                      "--encoding out, or say --encoding {}",
                      name_, events::name(guess.encoding), events::name(guess.encoding))));
    }
    const bool swapped =
        encoding == Encoding::utf16_le ? nuls.even > 4 * nuls.odd : nuls.odd > 4 * nuls.even;
    if (!swapped) return EncodingGuess{encoding, 0, true};
    return EncodingGuess{encoding == Encoding::utf16_le ? Encoding::utf16_be : Encoding::utf16_le,
                         0, true};
  }

  Error empty() const {
    return invalid_argument(fmt::format("{} is empty; there is nothing to read in it", name_));
  }

  // The head again, then what follows it.
  Result<std::size_t> read_unpacked(std::span<char> out) {
    if (head_used_ == head_.size()) return unpacked_->read(out);
    const std::size_t count = std::min(out.size(), head_.size() - head_used_);
    std::memcpy(out.data(), head_.data() + head_used_, count);
    head_used_ += count;
    if (head_used_ == head_.size()) {
      head_ = {};
      head_used_ = 0;
    }
    return count;
  }

  Result<std::size_t> read_decoded(std::span<char> out) {
    while (decoded_used_ == decoded_.size() && !decoded_all_) {
      decoded_.clear();
      decoded_used_ = 0;
      encoded_.resize(kBlockBytes);
      ATTUNE_ASSIGN_OR_RETURN(const std::size_t got, read_unpacked(encoded_));
      decoded_all_ = got == 0;
      ATTUNE_RETURN_IF_ERROR(decoder_->decode({encoded_.data(), got}, decoded_all_, decoded_));
    }
    const std::size_t count = std::min(out.size(), decoded_.size() - decoded_used_);
    std::memcpy(out.data(), decoded_.data() + decoded_used_, count);
    decoded_used_ += count;
    return count;
  }

  std::string name_;
  RawBytes raw_;
  std::int64_t total_;
  std::unique_ptr<Stage> unpacked_;
  std::string head_;
  std::size_t head_used_ = 0;
  Compression compression_ = Compression::none;
  Encoding encoding_ = Encoding::utf8;
  bool certain_ = true;
  std::unique_ptr<TextDecoder> decoder_;
  std::string encoded_;
  std::string decoded_;
  std::size_t decoded_used_ = 0;
  bool decoded_all_ = false;
  std::string text_head_;
  std::size_t text_head_used_ = 0;
  bool text_head_all_ = false;
};

}  // namespace

std::string_view name(Compression compression) {
  switch (compression) {
    case Compression::none:
      return "none";
    case Compression::gzip:
      return "gzip";
    case Compression::zstd:
      return "zstd";
  }
  return "unknown";
}

Result<std::unique_ptr<ByteSource>> ByteSource::open(const std::filesystem::path& path,
                                                     const ByteSourceOptions& options) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::unexpected(error_from_errno("open", path));
  auto stage = std::make_unique<FileStage>(fd, path);
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return std::unexpected(error_from_errno("read", path));
  if (S_ISDIR(facts.st_mode)) {
    return std::unexpected(
        invalid_argument(fmt::format("{} is a folder; name the files in it, for example {}/*.csv",
                                     path.string(), path.string())));
  }
  const std::int64_t total = S_ISREG(facts.st_mode) ? facts.st_size : 0;
  auto source = std::make_unique<Source>(path.string(), std::move(stage), total);
  ATTUNE_RETURN_IF_ERROR(source->start(options));
  return source;
}

Result<std::unique_ptr<ByteSource>> ByteSource::from_memory(std::string name, std::string bytes,
                                                            const ByteSourceOptions& options) {
  const auto total = static_cast<std::int64_t>(bytes.size());
  auto source = std::make_unique<Source>(std::move(name),
                                         std::make_unique<MemoryStage>(std::move(bytes)), total);
  ATTUNE_RETURN_IF_ERROR(source->start(options));
  return source;
}

}  // namespace attune::events
