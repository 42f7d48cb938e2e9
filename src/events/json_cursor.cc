#include "json_cursor.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace attune::events {
namespace {

std::uint32_t hex_digit(char c) {
  if (c <= '9') return static_cast<std::uint32_t>(c - '0');
  return static_cast<std::uint32_t>((c | 0x20) - 'a' + 10);
}

std::uint32_t hex4(const char* at) {
  std::uint32_t code = 0;
  for (int i = 0; i < 4; ++i) code = code << 4 | hex_digit(at[i]);
  return code;
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    put(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  } else {
    put(0xF0 | code >> 18);
    put(0x80 | (code >> 12 & 0x3F));
    put(0x80 | (code >> 6 & 0x3F));
    put(0x80 | (code & 0x3F));
  }
}

bool is_high(std::uint32_t code) { return code >= 0xD800 && code < 0xDC00; }
bool is_low(std::uint32_t code) { return code >= 0xDC00 && code < 0xE000; }

}  // namespace

std::string_view name(JsonKind kind) {
  switch (kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return "true or false";
    case JsonKind::number:
      return "a number";
    case JsonKind::string:
      return "a text";
    case JsonKind::object:
      return "an object";
    case JsonKind::array:
      return "a list";
  }
  return "a value";
}

// `at` is behind the opening quote; the answer is the closing one.
const char* JsonCursor::end_of_string(const char* at) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i slash = _mm_set1_epi8('\\');
  while (true) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    const int found =
        _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)));
    if (found == 0) {
      at += 16;
      continue;
    }
    at += __builtin_ctz(static_cast<unsigned>(found));
    if (*at == '"') return at;
    at += 2;
  }
#else
  while (*at != '"') at += *at == '\\' ? 2 : 1;
  return at;
#endif
}

// Byte by byte, from outside of strings; goes on until `end` at least, or to the last bracket.
const char* JsonCursor::pass_bytes(const char* at, const char* end, int& depth) {
  while (at < end && depth > 0) {
    const char c = *at;
    if (c == '"') at = end_of_string(at + 1);
    const char bracket = static_cast<char>(c | 0x20);
    if (bracket == '{') ++depth;
    if (bracket == '}') --depth;
    ++at;
  }
  return at;
}

#if defined(__SSE2__)
namespace {

// Bit i of each tells of byte i.
struct Block {
  std::uint64_t quotes = 0;
  std::uint64_t slashes = 0;
  std::uint64_t opening = 0;
  std::uint64_t closing = 0;
};

Block block_at(const char* at) {
  Block block;
  for (int i = 0; i < 64; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + i));
    const __m128i folded = _mm_or_si128(bytes, _mm_set1_epi8(0x20));  // '[' is '{' then
    const auto where = [i](__m128i found) {
      return static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(found))) << i;
    };
    block.quotes |= where(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
    block.slashes |= where(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    block.opening |= where(_mm_cmpeq_epi8(folded, _mm_set1_epi8('{')));
    block.closing |= where(_mm_cmpeq_epi8(folded, _mm_set1_epi8('}')));
  }
  return block;
}

// Bit i: the parity of the bits up to and with i.
std::uint64_t running_parity(std::uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

}  // namespace

// 64 bytes at a time. Blocks with a backslash go byte by byte, and end outside of strings.
void JsonCursor::pass_container() {
  const char* at = at_ + 1;
  int depth = 1;
  std::uint64_t in_string = 0;  // all ones where a block begins inside of a string
  while (true) {
    const Block block = block_at(at);
    if (block.slashes != 0) {
      const char* const end = at + 64;
      if (in_string != 0) at = end_of_string(at) + 1;
      in_string = 0;
      at = pass_bytes(at, end, depth);
      if (depth == 0) break;
      continue;
    }
    const std::uint64_t strings = running_parity(block.quotes) ^ in_string;
    const std::uint64_t closing = block.closing & ~strings;
    const std::uint64_t opening = block.opening & ~strings;
    in_string = 0 - (strings >> 63);
    const int closed = std::popcount(closing);
    if (closed < depth) {
      depth += std::popcount(opening) - closed;
      at += 64;
      continue;
    }
    for (std::uint64_t left = opening | closing; left != 0 && depth > 0; left &= left - 1) {
      const int bit = std::countr_zero(left);
      depth += (opening >> bit & 1) != 0 ? 1 : -1;
      if (depth == 0) at += bit + 1;
    }
    if (depth == 0) break;
    at += 64;
  }
  at_ = at;
}
#else
void JsonCursor::pass_container() {
  int depth = 1;
  ++at_;
  while (depth > 0) at_ = pass_bytes(at_, at_ + 64, depth);
}
#endif

void append_unescaped(std::string& text, std::string_view inner) {
  constexpr std::uint32_t kReplacement = 0xFFFD;
  std::size_t at = 0;
  while (at < inner.size()) {
    const std::size_t slash = std::min(inner.find('\\', at), inner.size());
    text.append(inner, at, slash - at);
    if (slash == inner.size()) return;
    const char c = inner[slash + 1];
    at = slash + 2;
    if (c != 'u') {
      constexpr std::string_view kLetters = "bfnrt";
      constexpr std::string_view kMeanings = "\b\f\n\r\t";
      const std::size_t letter = kLetters.find(c);
      text += letter == kLetters.npos ? c : kMeanings[letter];
      continue;
    }
    std::uint32_t code = hex4(inner.data() + at);
    at += 4;
    if (is_high(code) && inner.substr(at).starts_with("\\u")) {
      const std::uint32_t low = hex4(inner.data() + at + 2);
      if (is_low(low)) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        at += 6;
      }
    }
    append_utf8(text, is_high(code) || is_low(code) ? kReplacement : code);
  }
}

}  // namespace attune::events
