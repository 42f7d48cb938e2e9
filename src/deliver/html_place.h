// Where in an HTML text we are. Answers: what could a field that stands here do?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace attune::deliver {

// Reads literal HTML piece by piece. Knows as much of the HTML syntax as is needed to tell places
// apart; on doubt the place is one that fields may not stand in.
class HtmlPlace {
 public:
  void read(std::string_view literal);

  // Why no field may stand here, for people; empty where it may.
  std::string_view objection() const;
  // At the very beginning of a link's attribute: what stands here chooses where it leads.
  bool starts_url() const;
  // A field was put in here.
  void put_field();

  // Whether what follows is read alike.
  bool same_as(const HtmlPlace& other) const;

 private:
  enum class State : std::uint8_t {
    text,
    tag_open,
    tag_name,
    in_tag,
    attribute_name,
    after_name,
    before_value,
    double_quoted,
    single_quoted,
    unquoted,
    markup,
    comment,
    raw,
  };
  void read_text(char c);
  void read_tag(char c);
  void read_value(char c);
  void read_raw(char c);
  void end_tag();

  State state_ = State::text;
  std::string tag_;        // lower case, with '/' before the name of an end tag
  std::string attribute_;  // lower case
  std::string recent_;     // the last characters, where an end is looked for
  bool value_begun_ = false;
};

}  // namespace attune::deliver
