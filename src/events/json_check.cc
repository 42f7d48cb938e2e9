#include "json_check.h"

#include <fmt/format.h>

#include "attune/base/text.h"

namespace attune::events {
namespace {

bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::size_t number_length(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - begin;
  };
  if (at < text.size() && text[at] == '-') ++at;
  const std::size_t first = at;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return 0;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return 0;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return 0;
  }
  return at;
}

class Checker {
 public:
  Checker(std::string_view text, int max_depth) : text_(text), max_depth_(max_depth) {}

  std::optional<JsonFault> run() {
    blanks();
    if (value(0)) {
      blanks();
      if (at_ < text_.size()) fail("text follows the end of the value");
    }
    return fault_;
  }

 private:
  bool fail(std::string what) {
    if (!fault_) fault_ = JsonFault{at_, std::move(what), false};
    return false;
  }
  char front() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool ended() const { return at_ >= text_.size(); }
  void blanks() {
    while (!ended() && (front() == ' ' || front() == '\t' || front() == '\n' || front() == '\r'))
      ++at_;
  }

  bool value(int depth) {
    if (depth > max_depth_) {
      fail(fmt::format("nested deeper than {} levels", max_depth_));
      fault_->too_deep = true;
      return false;
    }
    switch (front()) {
      case '{':
        return members(depth, '}');
      case '[':
        return members(depth, ']');
      case '"':
        return string();
      case 't':
        return word("true");
      case 'f':
        return word("false");
      case 'n':
        return word("null");
      default:
        break;
    }
    if (ended()) return fail("the text ends where a value is expected");
    const std::size_t length = number_length(text_.substr(at_));
    if (length == 0) return fail("expected a value");
    at_ += length;
    return true;
  }

  bool word(std::string_view wanted) {
    if (!text_.substr(at_).starts_with(wanted)) return fail("expected a value");
    at_ += wanted.size();
    return true;
  }

  bool members(int depth, char close) {
    ++at_;
    blanks();
    if (front() == close) {
      ++at_;
      return true;
    }
    while (true) {
      blanks();
      if (close == '}') {
        if (front() != '"')
          return fail(ended() ? "the text ends inside an object" : "expected a key in quotes");
        if (!string()) return false;
        blanks();
        if (front() != ':') return fail("expected ':' behind the key");
        ++at_;
        blanks();
      }
      if (!value(depth + 1)) return false;
      blanks();
      if (front() == close) {
        ++at_;
        return true;
      }
      if (front() != ',') {
        return fail(ended() ? fmt::format("the text ends before '{}'", close)
                            : fmt::format("expected ',' or '{}'", close));
      }
      ++at_;
    }
  }

  bool string() {
    const std::size_t opened = at_;
    for (++at_; !ended(); ++at_) {
      const char c = front();
      if (c == '"') {
        ++at_;
        return true;
      }
      if (static_cast<unsigned char>(c) < 0x20)
        return fail("a control character inside a text; write it as \\n or \\u00XX");
      if (c == '\\' && !escape()) return false;
    }
    at_ = opened;
    return fail("a text is opened and never closed");
  }

  bool escape() {
    ++at_;
    const char c = front();
    if (c == 'u') {
      for (int i = 1; i <= 4; ++i) {
        if (at_ + i >= text_.size() || !is_hex(text_[at_ + i]))
          return fail("\\u needs four hexadecimal digits");
      }
      at_ += 4;
      return true;
    }
    if (std::string_view("\"\\/bfnrt").find(c) == std::string_view::npos || ended()) {
      return fail("a backslash before a character that needs none");
    }
    return true;
  }

  std::string_view text_;
  int max_depth_;
  std::size_t at_ = 0;
  std::optional<JsonFault> fault_;
};

}  // namespace

std::optional<JsonFault> find_json_fault(std::string_view text, int max_depth) {
  return Checker(text, max_depth).run();
}

bool is_json_number(std::string_view text) {
  return !text.empty() && number_length(text) == text.size();
}

std::size_t bracketed_length(std::string_view text) {
  int depth = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (inside) {
      if (c == '\\') {
        ++at;
      } else if (c == '"') {
        inside = false;
      }
      continue;
    }
    if (c == '"') inside = true;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
  }
  return std::string_view::npos;
}

}  // namespace attune::events
