#include "attune/base/text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>

namespace attune {
namespace {

// Length of the UTF-8 sequence at `at`, 0 when it is not one. Sets `code` to the code point.
std::size_t decode(std::string_view text, std::size_t at, char32_t& code) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto follows = [&](std::size_t i) {
    return at + i < text.size() && (byte(i) & 0xC0) == 0x80;
  };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    code = first;
    return 1;
  }
  if (first >= 0xC2 && first <= 0xDF && follows(1)) {
    code = static_cast<char32_t>((first & 0x1F) << 6 | (byte(1) & 0x3F));
    return 2;
  }
  if (first >= 0xE0 && first <= 0xEF && follows(1) && follows(2)) {
    code = static_cast<char32_t>((first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F));
    return code >= 0x800 && (code < 0xD800 || code > 0xDFFF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4 && follows(1) && follows(2) && follows(3)) {
    code = static_cast<char32_t>((first & 0x07) << 18 | (byte(1) & 0x3F) << 12 |
                                 (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F));
    return code >= 0x10000 && code <= 0x10FFFF ? 4 : 0;
  }
  return 0;
}

// ASCII without control characters, leading, trailing or double blanks: nothing to normalise.
bool plain_ascii(std::string_view text) {
  if (text.empty()) return true;
  if (text.front() == ' ' || text.back() == ' ') return false;
  bool blank = false;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20 || u >= 0x7F || (blank && c == ' ')) return false;
    blank = c == ' ';
  }
  return true;
}

// Letters put in, left out, replaced, or two neighbours swapped.
int edit_distance(std::string_view a, std::string_view b) {
  std::vector<int> before, last, row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(last, row);
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int replaced = last[j - 1] + (a[i - 1] != b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
  char32_t code = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = decode(text, at, code);
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

std::string normalise_text(std::string_view text) {
  if (plain_ascii(text)) return std::string(text);
  const auto source = icu::UnicodeString::fromUTF8(icu::StringPiece(
      text.data(), static_cast<std::int32_t>(std::min<std::size_t>(text.size(), 1u << 30))));
  icu::UnicodeString folded;
  bool pending_blank = false;
  for (std::int32_t i = 0; i < source.length(); i = source.moveIndex32(i, 1)) {
    const UChar32 c = source.char32At(i);
    if (u_isUWhiteSpace(c) || c == 0xFEFF) {
      pending_blank = folded.length() > 0;
    } else if (!u_iscntrl(c)) {
      if (pending_blank) folded.append(static_cast<UChar32>(' '));
      pending_blank = false;
      folded.append(c);
    }
  }
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  std::string result;
  if (U_SUCCESS(status)) {
    const icu::UnicodeString composed = nfc->normalize(folded, status);
    if (U_SUCCESS(status)) return composed.toUTF8String(result);
  }
  return folded.toUTF8String(result);
}

std::string ascii_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return lower;
}

std::size_t character_length(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
  return end - at;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::optional<std::string> nearest_name(std::string_view typed,
                                        std::span<const std::string> candidates) {
  const std::string lower = ascii_lower(typed.substr(0, 100));
  const std::string* best = nullptr;
  int best_distance = std::max(1, static_cast<int>(lower.size()) * 2 / 5) + 1;
  for (const std::string& candidate : candidates) {
    const std::string other = ascii_lower(std::string_view(candidate).substr(0, 100));
    int distance = edit_distance(lower, other);
    if (lower.size() >= 3 && other.find(lower) != other.npos) distance = std::min(distance, 1);
    if (distance < best_distance) {
      best_distance = distance;
      best = &candidate;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string did_you_mean(std::string_view typed, std::span<const std::string> candidates) {
  const auto nearest = nearest_name(typed, candidates);
  return nearest ? fmt::format("; did you mean '{}'?", *nearest) : "";
}

std::string quoted(std::string_view text, std::size_t limit) {
  std::string shown;
  char32_t code = 0;
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++characters) {
    if (characters == limit) return shown + "…";
    const std::size_t length = decode(text, at, code);
    if (length == 0 || code < 0x20 || code == 0x7F || (code >= 0x80 && code < 0xA0)) {
      const std::size_t bytes = std::max<std::size_t>(length, 1);
      for (std::size_t i = 0; i < bytes; ++i) {
        shown += fmt::format("\\x{:02X}", static_cast<unsigned char>(text[at + i]));
      }
      at += bytes;
    } else {
      shown.append(text.substr(at, length));
      at += length;
    }
  }
  return shown;
}

int display_width(std::string_view utf8) {
  int width = 0;
  char32_t code = 0;
  for (std::size_t at = 0; at < utf8.size();) {
    const std::size_t length = decode(utf8, at, code);
    at += std::max<std::size_t>(length, 1);
    if (length == 0) {
      ++width;
      continue;
    }
    const auto c = static_cast<UChar32>(code);
    if (u_getCombiningClass(c) != 0 || u_charType(c) == U_NON_SPACING_MARK || c == 0x200D) continue;
    const int east_asian = u_getIntPropertyValue(c, UCHAR_EAST_ASIAN_WIDTH);
    width += east_asian == U_EA_WIDE || east_asian == U_EA_FULLWIDTH ? 2 : 1;
  }
  return width;
}

std::string with_thousands(std::int64_t number) {
  std::string digits = fmt::format("{}", number);
  const std::size_t first = digits[0] == '-' ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

}  // namespace attune
