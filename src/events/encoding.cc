// Which encoding a text is in, and its conversion through ICU.
#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>
#include <unicode/ucnv.h>

#include "attune/base/text.h"
#include "attune/events/byte_source.h"
#include "text_decoder.h"

namespace attune::events {
namespace {

struct Spelling {
  std::string_view text;
  Encoding encoding;
};
constexpr std::array<Spelling, 22> kSpellings{{{"utf-8", Encoding::utf8},
                                               {"utf8", Encoding::utf8},
                                               {"ascii", Encoding::utf8},
                                               {"utf-16", Encoding::utf16_le},
                                               {"utf16", Encoding::utf16_le},
                                               {"utf-16le", Encoding::utf16_le},
                                               {"utf16le", Encoding::utf16_le},
                                               {"utf-16be", Encoding::utf16_be},
                                               {"utf16be", Encoding::utf16_be},
                                               {"gb18030", Encoding::gb18030},
                                               {"gbk", Encoding::gb18030},
                                               {"gb2312", Encoding::gb18030},
                                               {"cp936", Encoding::gb18030},
                                               {"windows-1252", Encoding::windows_1252},
                                               {"cp1252", Encoding::windows_1252},
                                               {"latin-1", Encoding::windows_1252},
                                               {"latin1", Encoding::windows_1252},
                                               {"latin_1", Encoding::windows_1252},
                                               {"iso-8859-1", Encoding::windows_1252},
                                               {"iso8859-1", Encoding::windows_1252},
                                               {"iso-8859-15", Encoding::windows_1252},
                                               {"ansi", Encoding::windows_1252}}};

struct Utf8Count {
  std::size_t multibyte = 0;  // whole sequences of two bytes and more
  std::size_t broken = 0;     // bytes that begin no sequence
};

std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  const std::string_view sequence = text.substr(at, length);
  return lead >= 0xC2 && sequence.size() == length && !first_invalid_utf8(sequence) ? length : 0;
}

Utf8Count count_utf8(std::string_view text, bool is_whole_text) {
  Utf8Count count;
  for (std::size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const std::size_t length = sequence_length(text, at);
    if (length == 0 && !is_whole_text && text.size() - at < 4)
      break;  // cut by the end of the sample
    count.multibyte += length != 0;
    count.broken += length == 0;
    at += std::max<std::size_t>(length, 1);
  }
  return count;
}

struct GbCount {
  std::size_t pairs = 0;
  std::size_t common =
      0;  // in the part of GB2312 that holds its 6,763 characters, and its punctuation
  bool valid = true;
};

// Walks the one, two and four byte forms of GB18030.
GbCount count_gb18030(std::string_view text, bool is_whole_text) {
  GbCount count;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  for (std::size_t at = 0; at < text.size();) {
    const unsigned char lead = byte(at);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    if (at + 1 >= text.size()) {
      count.valid = count.valid && !is_whole_text;
      break;
    }
    const unsigned char trail = byte(at + 1);
    if (lead == 0x80 || lead == 0xFF) count.valid = false;
    if (trail >= 0x30 && trail <= 0x39) {
      if (at + 3 >= text.size() && !is_whole_text) break;
      const bool whole = at + 3 < text.size() && byte(at + 2) >= 0x81 && byte(at + 2) <= 0xFE &&
                         byte(at + 3) >= 0x30 && byte(at + 3) <= 0x39;
      if (!whole) count.valid = false;
      ++count.pairs;
      at += whole ? 4 : 1;
    } else if (trail >= 0x40 && trail != 0x7F && trail != 0xFF) {
      ++count.pairs;
      count.common += trail >= 0xA1 && (lead <= 0xA3 ? lead >= 0xA1 : lead >= 0xB0 && lead <= 0xF7);
      at += 2;
    } else {
      count.valid = false;
      ++at;
    }
    if (!count.valid) break;
  }
  return count;
}

const char* icu_name(Encoding encoding) {
  switch (encoding) {
    case Encoding::utf8:
      return "UTF-8";
    case Encoding::utf16_le:
      return "UTF-16LE";
    case Encoding::utf16_be:
      return "UTF-16BE";
    case Encoding::gb18030:
      return "gb18030";
    case Encoding::windows_1252:
      return "windows-1252";
  }
  return "UTF-8";
}

}  // namespace

std::string_view name(Encoding encoding) {
  switch (encoding) {
    case Encoding::utf8:
      return "UTF-8";
    case Encoding::utf16_le:
      return "UTF-16LE";
    case Encoding::utf16_be:
      return "UTF-16BE";
    case Encoding::gb18030:
      return "GB18030";
    case Encoding::windows_1252:
      return "Windows-1252";
  }
  return "unknown";
}

Result<Encoding> parse_encoding(std::string_view text) {
  const std::string lower = ascii_lower(trim(text));
  std::vector<std::string> names;
  for (const Spelling& spelling : kSpellings) {
    if (spelling.text == lower) return spelling.encoding;
    names.emplace_back(spelling.text);
  }
  return std::unexpected(invalid_argument(fmt::format(
      "'{}' is not an encoding that can be read; UTF-8, UTF-16LE, UTF-16BE, GB18030 and "
      "Windows-1252 are{}",
      quoted(text), did_you_mean(lower, names))));
}

EncodingGuess guess_encoding(std::string_view head, bool is_whole_text) {
  if (head.starts_with("\xEF\xBB\xBF")) return {Encoding::utf8, 3, true};
  if (head.starts_with("\xFF\xFE")) return {Encoding::utf16_le, 2, true};
  if (head.starts_with("\xFE\xFF")) return {Encoding::utf16_be, 2, true};
  const Utf8Count utf8 = count_utf8(head, is_whole_text);
  if (utf8.broken == 0) return {Encoding::utf8, 0, true};
  if (utf8.multibyte > 20 * utf8.broken) return {Encoding::utf8, 0, false};
  const GbCount gb = count_gb18030(head, is_whole_text);
  if (gb.valid && gb.pairs > 0 && gb.common * 10 >= gb.pairs * 7) {
    return {Encoding::gb18030, 0, false};
  }
  return {Encoding::windows_1252, 0, false};
}

struct TextDecoder::Converters {
  UConverter* from = nullptr;
  UConverter* to = nullptr;
  std::array<UChar, 4096> pivot;
  UChar* pivot_source = pivot.data();
  UChar* pivot_target = pivot.data();

  Converters() = default;
  Converters(const Converters&) = delete;
  Converters& operator=(const Converters&) = delete;
  ~Converters() {
    if (from != nullptr) ucnv_close(from);
    if (to != nullptr) ucnv_close(to);
  }
};

TextDecoder::TextDecoder(std::unique_ptr<Converters> converters)
    : converters_(std::move(converters)) {}
TextDecoder::~TextDecoder() = default;

Result<std::unique_ptr<TextDecoder>> TextDecoder::create(Encoding encoding) {
  auto converters = std::make_unique<Converters>();
  UErrorCode status = U_ZERO_ERROR;
  converters->from = ucnv_open(icu_name(encoding), &status);
  converters->to = ucnv_open("UTF-8", &status);
  if (U_FAILURE(status)) {
    return std::unexpected(internal_error(
        fmt::format("ICU has no converter for {}: {}", name(encoding), u_errorName(status))));
  }
  return std::unique_ptr<TextDecoder>(new TextDecoder(std::move(converters)));
}

Status TextDecoder::decode(std::string_view bytes, bool last, std::string& text) {
  Converters& c = *converters_;
  const char* source = bytes.data();
  const char* const end = source + bytes.size();
  std::array<char, 16384> block;
  while (true) {
    char* target = block.data();
    UErrorCode status = U_ZERO_ERROR;
    ucnv_convertEx(c.to, c.from, &target, block.data() + block.size(), &source, end, c.pivot.data(),
                   &c.pivot_source, &c.pivot_target, c.pivot.data() + c.pivot.size(), false, last,
                   &status);
    text.append(block.data(), static_cast<std::size_t>(target - block.data()));
    if (status == U_BUFFER_OVERFLOW_ERROR) continue;
    if (U_FAILURE(status)) {
      return std::unexpected(
          internal_error(fmt::format("ICU cannot convert: {}", u_errorName(status))));
    }
    return {};
  }
}

}  // namespace attune::events
