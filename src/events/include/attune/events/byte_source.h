// Bytes of a user's file as UTF-8 text, whatever it was packed and written in. Answers: what does
// this file say, and how much of it has been read?
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "attune/base/error.h"

namespace attune::events {

enum class Encoding : std::uint8_t { utf8, utf16_le, utf16_be, gb18030, windows_1252 };
enum class Compression : std::uint8_t { none, gzip, zstd };

std::string_view name(
    Encoding encoding);  // "UTF-8", "UTF-16LE", "UTF-16BE", "GB18030", "Windows-1252"
std::string_view name(Compression compression);  // "none", "gzip", "zstd"
// Reads the names above and their usual spellings ("utf8", "gbk", "gb2312", "latin-1",
// "iso-8859-1", "cp1252"). Errors: invalid_argument naming the nearest.
Result<Encoding> parse_encoding(std::string_view text);

// What the first bytes of a text (decompressed, at most a megabyte) are written in: a byte order
// mark decides; else UTF-8 if every sequence is, or if whole multi-byte characters outnumber broken
// bytes 20 to 1; else GB18030 if every sequence is one and enough of them are common Chinese
// characters; else Windows-1252, which holds Latin-1.
struct EncodingGuess {
  Encoding encoding = Encoding::utf8;
  std::size_t mark_bytes = 0;  // length of the byte order mark
  bool certain = true;  // false where the text could be read otherwise: worth telling the user
};
EncodingGuess guess_encoding(std::string_view head, bool is_whole_text);

struct ByteSourceOptions {
  // Forced; absent: guessed. Of the two orders of UTF-16, a byte order mark decides, else where
  // the NUL bytes stand.
  std::optional<Encoding> encoding;
};

// A stream of UTF-8 text out of a file or memory: unpacked (gzip and zstd by their first bytes,
// several members or frames in a row allowed), converted, without byte order mark. UTF-8 input is
// passed on unchecked, for the reader to reject the rows that are not; other encodings come out
// valid, with U+FFFD where a sequence could not be read. Threads: one thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  // Errors: not_found; permission_denied; invalid_argument for a folder, an empty file, a workbook
  // or another file that is no text, and for UTF-16 that was stated of what is none; each with its
  // remedy.
  static Result<std::unique_ptr<ByteSource>> open(const std::filesystem::path& path,
                                                  const ByteSourceOptions& options = {});
  static Result<std::unique_ptr<ByteSource>> from_memory(std::string name, std::string bytes,
                                                         const ByteSourceOptions& options = {});

  // Fills `out` as far as there is text; 0 means the end. Errors: data_corruption for packed data
  // that are cut short or broken, naming the file and the byte; unavailable for a failed disk read.
  virtual Result<std::size_t> read(std::span<char> out) = 0;

  // The first text, at most 256 KiB, which read() will hand over too. Valid until the first read().
  virtual std::string_view head() const = 0;
  virtual bool head_is_all() const = 0;  // the head is the whole text

  virtual const std::string& name() const = 0;  // for messages: the path as the user gave it
  virtual Encoding encoding() const = 0;
  virtual bool encoding_certain() const = 0;
  virtual Compression compression() const = 0;
  virtual std::int64_t bytes_read() const = 0;   // of the file as it lies on disk
  virtual std::int64_t bytes_total() const = 0;  // 0 when unknown
};

}  // namespace attune::events
