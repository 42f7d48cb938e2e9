#include "lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "attune/base/text.h"

namespace attune::rules {
namespace {

constexpr std::string_view kKeywords[] = {"and",       "or",  "not",  "between", "in",
                                          "contains",  "any", "all",  "is",      "starts_with",
                                          "ends_with", "now", "true", "false",   "missing"};

// What people's input methods and word processors write, and what the language wants.
struct Lookalike {
  char32_t typed;
  std::string_view wanted;
};
constexpr Lookalike kLookalikes[] = {
    {U'“', "\""},  {U'”', "\""},  {U'„', "\""},  {U'«', "\""},  {U'»', "\""},  {U'「', "\""},
    {U'」', "\""}, {U'『', "\""}, {U'』', "\""}, {U'＂', "\""}, {U'‘', "'"},   {U'’', "'"},
    {U'＇', "'"},  {U'（', "("},  {U'）', ")"},  {U'［', "["},  {U'］', "]"},  {U'【', "["},
    {U'】', "]"},  {U'，', ","},  {U'、', ","},  {U'；', ","},  {U'＜', "<"},  {U'＞', ">"},
    {U'＝', "=="}, {U'≠', "!="},  {U'≤', "<="},  {U'≥', ">="},  {U'！', "!="}, {U'＋', "+"},
    {U'－', "-"},  {U'−', "-"},   {U'–', "-"},   {U'—', "-"},   {U'＊', "*"},  {U'×', "*"},
    {U'／', "/"},  {U'÷', "/"},   {U'．', "."},  {U'。', "."},  {U'‚', ","},   {U'＿', "_"},
};

struct CodePoint {
  char32_t value = 0;
  std::size_t length = 1;
};

// `text` is known to be UTF-8.
CodePoint code_point(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xE0) return {static_cast<char32_t>((first & 0x1F) << 6 | (byte(1) & 0x3F)), 2};
  if (first < 0xF0) {
    return {static_cast<char32_t>((first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F)),
            3};
  }
  return {static_cast<char32_t>((first & 0x07) << 18 | (byte(1) & 0x3F) << 12 |
                                (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F)),
          4};
}

bool is_space(char32_t c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0x3000 || c == 0xA0 || c == 0xFEFF;
}

// Full-width digits and letters, which look like ASCII.
bool is_full_width_letter(char32_t c) {
  return (c >= 0xFF10 && c <= 0xFF19) || (c >= 0xFF21 && c <= 0xFF3A) ||
         (c >= 0xFF41 && c <= 0xFF5A);
}

bool is_foreign_punctuation(char32_t c) {
  if (c == 0x3005 || c == 0x3007) return false;  // 々 and 〇 are letters
  return (c >= 0x80 && c <= 0xBF) || c == 0xD7 || c == 0xF7 || (c >= 0x2000 && c <= 0x2BFF) ||
         (c >= 0x3000 && c <= 0x303F) || (c >= 0xFF00 && c <= 0xFF65) || c == 0xFFFD || c == 0xFEFF;
}

bool starts_name(char32_t c) {
  if (c < 0x80) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return !is_foreign_punctuation(c);
}

bool continues_name(char32_t c) { return starts_name(c) || (c >= '0' && c <= '9') || c == '.'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::expected<std::vector<Token>, Diagnostic> run() {
    if (!check_whole()) return std::unexpected(locate(text_, *failure_));
    while (at_ < text_.size() && !failure_) {
      const CodePoint next = code_point(text_, at_);
      if (is_space(next.value)) {
        at_ += next.length;
      } else {
        token(next);
      }
    }
    if (failure_) return std::unexpected(locate(text_, *failure_));
    tokens_.push_back({TokenKind::end, text_.size(), 0, {}, 0});
    return std::move(tokens_);
  }

 private:
  bool check_whole() {
    if (text_.size() > kMaxRuleBytes) {
      fail(
          kMaxRuleBytes, 0,
          fmt::format("the rule has {} bytes, and {} are the limit: split it into several segments",
                      with_thousands(static_cast<std::int64_t>(text_.size())),
                      with_thousands(kMaxRuleBytes)));
      text_ = text_.substr(0, kMaxRuleBytes);
    } else if (const auto bad = first_invalid_utf8(text_)) {
      fail(*bad, 1, "this byte is not UTF-8: save the rule as UTF-8");
    }
    return !failure_;
  }

  void fail(std::size_t offset, std::size_t length, std::string message) {
    if (!failure_) failure_ = Diagnostic{offset, length, 1, 1, std::move(message), {}};
  }

  void token(CodePoint next) {
    const char c = next.value < 0x80 ? static_cast<char>(next.value) : '\0';
    if (is_digit(c) || (c == '.' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]))) {
      number();
    } else if (c == '"' || c == '\'') {
      quoted(c);
    } else if (c == '`') {
      backquoted();
    } else if (starts_name(next.value) && !is_full_width_letter(next.value)) {
      name();
    } else {
      sign(next);
    }
  }

  void push(TokenKind kind, std::size_t end, std::string text, double number = 0) {
    tokens_.push_back({kind, at_, end - at_, std::move(text), number});
    at_ = end;
  }

  std::size_t name_end(std::size_t from) const {
    while (from < text_.size()) {
      const CodePoint next = code_point(text_, from);
      if (!continues_name(next.value)) break;
      from += next.length;
    }
    return from;
  }

  void name() {
    const std::size_t end = name_end(at_);
    push(TokenKind::name, end, std::string(text_.substr(at_, end - at_)));
  }

  void number() {
    double value = 0;
    const char* begin = text_.data() + at_;
    const auto [stop, error] = std::from_chars(begin, text_.data() + text_.size(), value);
    const auto end = static_cast<std::size_t>(stop - text_.data());
    if (error != std::errc{} || !std::isfinite(value)) {
      return fail(at_, end - at_, "this number is too large or too small to be stored");
    }
    const std::size_t glued = name_end(end);
    if (glued != end) {
      return fail(
          at_, glued - at_,
          fmt::format("a number ends before '{}': put a blank between them, as in 30 days; text "
                      "needs quotes",
                      text_.substr(end, glued - end)));
    }
    push(TokenKind::number, end, {}, value);
  }

  void quoted(char quote) {
    std::string content;
    std::size_t i = at_ + 1;
    for (; i < text_.size() && text_[i] != quote; ++i) {
      if (text_[i] == '\n') break;
      if (text_[i] != '\\') {
        content += text_[i];
        continue;
      }
      const char escaped = i + 1 < text_.size() ? text_[i + 1] : '\0';
      constexpr std::string_view kFrom = "\"'\\nt", kTo = "\"'\\\n\t";
      const std::size_t which = escaped == '\0' ? std::string_view::npos : kFrom.find(escaped);
      if (which == std::string_view::npos) {
        return fail(i, std::min<std::size_t>(2, text_.size() - i),
                    "unknown escape: \\\" \\' \\\\ \\n \\t are known; write \\\\ for a backslash");
      }
      content += kTo[which];
      ++i;
    }
    if (i >= text_.size() || text_[i] == '\n') {
      return fail(at_, 1, fmt::format("the text that begins here is not closed: add {}", quote));
    }
    push(TokenKind::text, i + 1, std::move(content));
  }

  void backquoted() {
    const std::size_t end = text_.find_first_of("`\n", at_ + 1);
    if (end == std::string_view::npos || text_[end] == '\n') {
      return fail(at_, 1, "the field name that begins here is not closed: add `");
    }
    if (end == at_ + 1) return fail(at_, 2, "a field name cannot be empty");
    push(TokenKind::quoted_name, end + 1, std::string(text_.substr(at_ + 1, end - at_ - 1)));
  }

  void sign(CodePoint next) {
    constexpr std::string_view kDouble[] = {"==", "!=", "<>", "<=", ">="};
    for (const std::string_view two : kDouble) {
      if (text_.substr(at_, 2) == two) return push(TokenKind::sign, at_ + 2, std::string(two));
    }
    if (next.value < 0x80 && std::string_view("()[],+-*/<>=").find(static_cast<char>(next.value)) !=
                                 std::string_view::npos) {
      return push(TokenKind::sign, at_ + 1, std::string(1, static_cast<char>(next.value)));
    }
    fail_at_sign(next);
  }

  void fail_at_sign(CodePoint next) {
    const std::string_view typed = text_.substr(at_, next.length);
    constexpr std::array<std::array<std::string_view, 2>, 4> kForeign{
        {{"&&", "and"}, {"||", "or"}, {"&", "and"}, {"|", "or"}}};
    for (const auto& [theirs, ours] : kForeign) {
      if (text_.substr(at_, theirs.size()) == theirs) {
        return fail(at_, theirs.size(), fmt::format("write '{}' instead of '{}'", ours, theirs));
      }
    }
    if (typed == "!") return fail(at_, 1, "write 'not' instead of '!'");
    if (typed == "%") {
      return fail(at_, 1, "there are no percent signs: write a share as a number, 0.1 for 10 %");
    }
    if (is_full_width_letter(next.value)) {
      const char wanted = static_cast<char>(next.value - 0xFF00 + 0x20);
      return fail(at_, next.length,
                  fmt::format("'{}' is a full-width character: write '{}'", typed, wanted));
    }
    for (const Lookalike& known : kLookalikes) {
      if (known.typed == next.value) {
        return fail(
            at_, next.length,
            fmt::format("'{}' is a full-width or typographic sign: write {}", typed, known.wanted));
      }
    }
    fail(at_, next.length,
         fmt::format("{} has no meaning in a rule; text needs quotes", quoted_sign(typed)));
  }

  static std::string quoted_sign(std::string_view typed) {
    return fmt::format("'{}'", attune::quoted(typed));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
  std::optional<Diagnostic> failure_;
};

}  // namespace

std::expected<std::vector<Token>, Diagnostic> tokenise(std::string_view text) {
  return Lexer(text).run();
}

bool is_keyword(std::string_view name) {
  return std::ranges::find(kKeywords, ascii_lower(name)) != std::end(kKeywords);
}

bool is_plain_name(std::string_view name) {
  if (name.empty() || is_keyword(name) || first_invalid_utf8(name)) return false;
  for (std::size_t i = 0; i < name.size();) {
    const CodePoint next = code_point(name, i);
    if (i == 0 && (!starts_name(next.value) || is_full_width_letter(next.value))) return false;
    if (!continues_name(next.value)) return false;
    i += next.length;
  }
  return true;
}

Diagnostic locate(std::string_view text, Diagnostic diagnostic) {
  diagnostic.offset = std::min(diagnostic.offset, text.size());
  diagnostic.line = diagnostic.column = 1;
  for (std::size_t i = 0; i < diagnostic.offset; ++i) {
    if (text[i] == '\n') {
      ++diagnostic.line;
      diagnostic.column = 1;
    } else if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) {
      ++diagnostic.column;
    }
  }
  return diagnostic;
}

}  // namespace attune::rules
