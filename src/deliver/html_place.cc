#include "html_place.h"

namespace attune::deliver {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

bool is_raw(std::string_view tag) {
  return tag == "script" || tag == "style" || tag == "textarea" || tag == "title" || tag == "xmp" ||
         tag == "iframe" || tag == "noembed" || tag == "noframes" || tag == "noscript" ||
         tag == "plaintext";
}

bool is_url_attribute(std::string_view name) {
  return name == "href" || name == "src" || name == "action" || name == "formaction" ||
         name == "background" || name == "cite" || name == "poster" || name == "data" ||
         name == "xlink:href";
}

}  // namespace

void HtmlPlace::read(std::string_view literal) {
  for (const char c : literal) {
    switch (state_) {
      case State::text:
      case State::tag_open:
      case State::markup:
      case State::comment:
        read_text(c);
        break;
      case State::tag_name:
      case State::in_tag:
      case State::attribute_name:
      case State::after_name:
        read_tag(c);
        break;
      case State::before_value:
      case State::double_quoted:
      case State::single_quoted:
      case State::unquoted:
        read_value(c);
        break;
      case State::raw:
        read_raw(c);
        break;
    }
  }
}

void HtmlPlace::read_text(char c) {
  if (state_ == State::text) {
    if (c == '<') state_ = State::tag_open;
  } else if (state_ == State::tag_open) {
    tag_.clear();
    recent_.clear();
    if (is_letter(c) || c == '/') {
      tag_ = lower(c);
      state_ = State::tag_name;
    } else if (c == '!' || c == '?') {
      state_ = State::markup;
    } else if (c != '<') {
      state_ = State::text;
    }
  } else if (state_ == State::markup) {
    recent_ += c;
    if (recent_ == "--") {
      state_ = State::comment;
      recent_.clear();
    } else if (c == '>') {
      state_ = State::text;
    } else if (recent_.size() > 2) {
      recent_ = "  ";
    }
  } else {
    recent_ += c;
    if (recent_.size() > 3) recent_.erase(0, 1);
    if (recent_ == "-->") state_ = State::text;
  }
}

void HtmlPlace::end_tag() {
  recent_.clear();
  state_ = is_raw(tag_) ? State::raw : State::text;
}

void HtmlPlace::read_tag(char c) {
  if (c == '>') {
    end_tag();
  } else if (state_ == State::tag_name) {
    if (is_blank(c) || (c == '/' && tag_ != "/")) {
      state_ = State::in_tag;
    } else {
      tag_ += lower(c);
    }
  } else if (c == '=' && state_ != State::in_tag) {
    state_ = State::before_value;
  } else if (is_blank(c)) {
    if (state_ == State::attribute_name) state_ = State::after_name;
  } else if (c == '/') {
    state_ = State::in_tag;
  } else {
    if (state_ != State::attribute_name) attribute_.clear();
    attribute_ += lower(c);
    state_ = State::attribute_name;
  }
}

void HtmlPlace::read_value(char c) {
  if (state_ == State::before_value) {
    value_begun_ = false;
    if (is_blank(c)) return;
    if (c == '>') {
      end_tag();
    } else {
      state_ = c == '"' ? State::double_quoted : c == '\'' ? State::single_quoted : State::unquoted;
    }
  } else if (state_ == State::unquoted) {
    if (c == '>') {
      end_tag();
    } else if (is_blank(c)) {
      state_ = State::in_tag;
    }
  } else if (c == (state_ == State::double_quoted ? '"' : '\'')) {
    state_ = State::in_tag;
  } else {
    value_begun_ = value_begun_ || !is_blank(c);
  }
}

void HtmlPlace::read_raw(char c) {
  recent_ += lower(c);
  const std::string end = "</" + tag_;
  if (recent_.size() > end.size()) recent_.erase(0, 1);
  if (recent_ != end) return;
  tag_ = "/" + tag_;
  state_ = State::tag_name;
}

std::string_view HtmlPlace::objection() const {
  switch (state_) {
    case State::text:
      return {};
    case State::double_quoted:
    case State::single_quoted:
      if (attribute_.starts_with("on")) return "in an attribute that is a script";
      if (attribute_ == "style") return "in a style";
      if (attribute_ == "srcdoc" || attribute_ == "srcset") return "in such an attribute";
      return {};
    case State::before_value:
    case State::unquoted:
      return "in an attribute without quotes; put quotes around its value";
    case State::comment:
    case State::markup:
      return "in a comment or declaration";
    case State::raw:
      return "in a script, style or title";
    default:
      return "inside of a tag";
  }
}

bool HtmlPlace::starts_url() const {
  return (state_ == State::double_quoted || state_ == State::single_quoted) && !value_begun_ &&
         is_url_attribute(attribute_);
}

bool HtmlPlace::same_as(const HtmlPlace& other) const {
  if (state_ != other.state_) return false;
  if (state_ == State::text) return true;
  return tag_ == other.tag_ && attribute_ == other.attribute_ && recent_ == other.recent_ &&
         value_begun_ == other.value_begun_;
}

void HtmlPlace::put_field() { value_begun_ = true; }

}  // namespace attune::deliver
