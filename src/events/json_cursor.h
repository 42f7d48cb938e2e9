// Walks over JSON that a validating parser has accepted. Answers: which values stand here, as they
// were written?
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace attune::events {

enum class JsonKind : unsigned char { null, boolean, number, string, object, array };

// Of a value as written, without blanks around it.
inline JsonKind kind_of(std::string_view value) {
  switch (value.empty() ? 'n' : value.front()) {
    case '{':
      return JsonKind::object;
    case '[':
      return JsonKind::array;
    case '"':
      return JsonKind::string;
    case 't':
    case 'f':
      return JsonKind::boolean;
    case 'n':
      return JsonKind::null;
    default:
      return JsonKind::number;
  }
}
std::string_view name(JsonKind kind);

// Goes once over a text, from values to their members and on. The text has to be valid JSON and
// readable for 64 bytes beyond its end; nothing is checked again.
//
//   if (cursor.open()) do { key = cursor.key(); value = cursor.value(); } while (cursor.next());
class JsonCursor {
 public:
  // At the first character of a value, or at blanks before it.
  explicit JsonCursor(const char* at) : at_(at) { blanks(); }

  const char* at() const { return at_; }
  char front() const { return *at_; }

  // Enters the object or array; false if it is empty, and then it is passed.
  bool open() {
    ++at_;
    blanks();
    if (*at_ != '}' && *at_ != ']') return true;
    ++at_;
    return false;
  }
  // Behind a value: true if another follows, else the bracket is passed.
  bool next() {
    blanks();
    const bool more = *at_++ == ',';
    if (more) blanks();
    return more;
  }
  // The key's characters as written, without quotes.
  std::string_view key() {
    const char* const begin = at_ + 1;
    at_ = end_of_string(begin);
    const std::string_view key(begin, static_cast<std::size_t>(at_ - begin));
    ++at_;
    blanks();
    ++at_;
    blanks();
    return key;
  }
  // The value as written.
  std::string_view value() {
    const char* const begin = at_;
    if (*at_ == '"') {
      at_ = end_of_string(at_ + 1) + 1;
    } else if (*at_ == '{' || *at_ == '[') {
      pass_container();
    } else {
      while (is_scalar(*at_)) ++at_;
    }
    return {begin, static_cast<std::size_t>(at_ - begin)};
  }

 private:
  static bool is_scalar(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '+' ||
           c == 'E';
  }
  static const char* end_of_string(const char* at);
  static const char* pass_bytes(const char* at, const char* end, int& depth);
  void pass_container();
  void blanks() {
    while (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t') ++at_;
  }

  const char* at_;
};

// Appends the characters that a string means; `inner` is what stands between its quotes. Half a
// surrogate pair becomes U+FFFD.
void append_unescaped(std::string& text, std::string_view inner);

}  // namespace attune::events
