#include "cells.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "attune/base/text.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace attune::events {
namespace {

// Scalar and in full: decodes what is not ASCII.
bool is_clean_slowly(std::string_view text) {
  bool blank = false;
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x80) {
      if (c < 0x20 || c == 0x7F || (blank && c == ' ')) return false;
      blank = c == ' ';
      ++i;
      continue;
    }
    blank = false;
    const auto follow = [&](std::size_t k) {
      return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u;
    };
    if (c >= 0xC3 && c <= 0xCB && (follow(1) & 0xC0) == 0x80) {
      i += 2;  // U+00C0 to U+02FF
    } else if (c >= 0xE4 && c <= 0xE9 && (follow(1) & 0xC0) == 0x80 && (follow(2) & 0xC0) == 0x80 &&
               (c > 0xE4 || follow(1) >= 0xB8)) {
      i += 3;  // U+4E00 to U+9FFF: the Chinese characters in common use
    } else if (c == 0xEF && follow(1) >= 0xBC && follow(1) <= 0xBD && (follow(2) & 0xC0) == 0x80 &&
               !(follow(1) == 0xBC && follow(2) == 0x80)) {
      i += 3;  // U+FF01 to U+FF7F: wide punctuation
    } else if (c == 0xE3 && follow(1) == 0x80 && follow(2) >= 0x81 && follow(2) <= 0x91) {
      i += 3;  // U+3001 to U+3011: 、。《》「」【】
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

template <class T>
T* RowArena::Blocks<T>::take(std::size_t count, std::size_t block) {
  if (capacity - used < count) {
    capacity = std::max(block, count);
    all.push_back(std::make_unique_for_overwrite<T[]>(capacity));
    used = 0;
  }
  T* const place = all.back().get() + used;
  used += count;
  return place;
}

template <class T>
void RowArena::Blocks<T>::clear() {
  if (all.size() > 1) all.erase(all.begin(), all.end() - 1);
  used = 0;
  if (all.empty()) capacity = 0;
}

std::string_view RowArena::keep(std::string_view text) {
  if (text.empty()) return {"", 0};
  char* const place = text_.take(text.size(), std::size_t{64} << 10);
  std::memcpy(place, text.data(), text.size());
  return {place, text.size()};
}

std::span<const Attribute> RowArena::keep(std::span<const Attribute> attributes) {
  if (attributes.empty()) return {};
  Attribute* const place = attributes_.take(attributes.size(), 4096);
  std::ranges::copy(attributes, place);
  return {place, attributes.size()};
}

void RowArena::clear() {
  text_.clear();
  attributes_.clear();
}

bool is_clean(std::string_view text) {
  if (text.empty()) return true;
  if (text.front() == ' ' || text.back() == ' ') return false;
#if defined(__SSE2__)
  if (text.size() >= 16) {
    const __m128i low = _mm_set1_epi8(0x1F);
    const __m128i del = _mm_set1_epi8(0x7F);
    const __m128i blank = _mm_set1_epi8(' ');
    // Steps of 15, so that a pair of blanks lies whole in one of the pieces; the last piece
    // overlaps.
    for (std::size_t at = 0;; at = std::min(at + 15, text.size() - 16)) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + at));
      // Signed: bytes from 0x80 on are below 0x20 too.
      const int good = _mm_movemask_epi8(_mm_cmpgt_epi8(bytes, low));
      const int deleted = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, del));
      const int blanks = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, blank));
      if (good != 0xFFFF || deleted != 0 || (blanks & (blanks >> 1)) != 0) break;
      if (at == text.size() - 16) return true;
    }
  }
#endif
  return is_clean_slowly(text);
}

// Runs of blanks folded, in a text that is ASCII without control characters; empty when it is not.
static std::string_view fold_ascii(std::string_view text, RowArena& arena) {
  char folded[256];
  if (text.size() > sizeof folded) return {};
  std::size_t size = 0;
  for (const char c : text) {
    if (c < ' ' || c == 0x7F) return {};
    if (c != ' ' || folded[size - 1] != ' ') folded[size++] = c;
  }
  return arena.keep({folded, size});
}

std::string_view clean(std::string_view cell, RowArena& arena, bool& changed) {
  if (is_clean(cell)) return cell;
  const std::string_view inner = trim(cell);
  if (is_clean(inner)) {
    changed = changed || inner.size() != cell.size();
    return inner;
  }
  if (const std::string_view folded = fold_ascii(inner, arena); !folded.empty()) {
    changed = true;
    return folded;
  }
  const std::string normal = normalise_text(inner);
  changed = changed || normal != cell;
  return normal == inner ? inner : arena.keep(normal);
}

bool is_null_word(std::string_view cell) {
  if (cell.size() < 2 || cell.size() > 4) return false;
  static constexpr std::array<std::string_view, 9> kWords{"NULL", "null", "Null", "\\N", "NaN",
                                                          "nan",  "None", "N/A",  "<NA>"};
  return std::ranges::find(kWords, cell) != kWords.end();
}

void append_json_string(std::string& json, std::string_view text) {
  json += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        json += "\\\"";
        break;
      case '\\':
        json += "\\\\";
        break;
      case '\n':
        json += "\\n";
        break;
      case '\r':
        json += "\\r";
        break;
      case '\t':
        json += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          json += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          json += c;
        }
    }
  }
  json += '"';
}

}  // namespace attune::events
