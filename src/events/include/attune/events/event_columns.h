// Events by the column, with names as small numbers: how an import rests on disk between reading
// and applying. Answers: what do these rows say, in a form that two stores can take in without
// looking at a text twice?
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"
#include "attune/events/event.h"

namespace attune::events {

inline constexpr std::uint32_t kNoCode = 0xFFFFFFFF;
inline constexpr std::int16_t kNoOffset = INT16_MIN;
inline constexpr std::int64_t kNoAmount = INT64_MIN;

// Texts numbered in the order of their first mention.
// Lifetime: returned views live as long as the dictionary. Cost: one hash and, most often, one
// comparison a look-up.
class Dictionary {
 public:
  Dictionary() = default;
  Dictionary(Dictionary&&) noexcept = default;
  Dictionary& operator=(Dictionary&&) noexcept = default;

  std::uint32_t code(std::string_view text);  // kNoCode for an empty text
  // The codes here, by code, of all that `from` holds; what is lacking is added in its order.
  std::vector<std::uint32_t> take_in(const Dictionary& from);
  std::string_view text(std::uint32_t code) const { return texts_[code]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(texts_.size()); }

  std::string serialise() const;
  static Result<Dictionary> parse(std::string_view bytes);

 private:
  void reserve(std::size_t count);  // of an empty one
  void grow();
  std::uint32_t code(std::string_view text, std::uint64_t hash);
  std::string_view keep(std::string_view text);

  std::vector<std::uint32_t> slots_;   // code + 1; 0 is free
  std::vector<std::uint64_t> hashes_;  // by code
  std::vector<std::string_view> texts_;
  std::vector<std::string> blocks_;  // each on the heap from its start, so that views outlive moves
  std::uint32_t last_ = kNoCode;     // neighbouring rows tend to name the same
};

// The dictionaries that the codes of one import's columns refer to.
struct EventNames {
  Dictionary customers;
  Dictionary anonymous;
  Dictionary items;
  Dictionary orders;
  Dictionary sessions;
  Dictionary decisions;
  Dictionary sources;
  Dictionary channels;

  std::string serialise() const;
  static Result<EventNames> parse(std::string_view bytes);
};

// Codes of one import's, or one bundle's, names in another's, by code.
struct NameMap {
  std::vector<std::uint32_t> customers, anonymous, items, orders, sessions, decisions, sources,
      channels;
};
// `into` takes in what it lacks.
NameMap take_in(const EventNames& from, EventNames& into);

// What one event's names are numbered as; kNoCode for those it lacks.
struct NameCodes {
  std::uint32_t customer, anonymous, item, order, session, decision, source, channel;
};
NameCodes number_names(const Event& event, EventNames& names);

// Some rows. Invariant: every vector has `rows()` entries; codes are kNoCode or below the size of
// their dictionary. Missing values: kNoCode, kNoOffset, kNoAmount, NaN; currency 0 is none.
struct EventColumns {
  std::vector<std::uint64_t> key_high, key_low;  // what the row is known by
  std::vector<std::int64_t> time;
  std::vector<std::int16_t> offset_minutes;
  std::vector<std::uint8_t> type;
  std::vector<std::uint32_t> customer, anonymous, item, order, session, decision, source, channel;
  std::vector<std::uint32_t> currency;  // the three letters, packed
  std::vector<double> quantity, rating;
  std::vector<std::int64_t> price_minor, value_minor, duration_ms;
  std::vector<std::uint32_t> marks;
  std::vector<std::uint32_t> personal_end;  // end of each row's bytes in `personal`
  std::string personal;  // of each row: nothing, or a JSON object of text, url and properties

  std::size_t rows() const { return time.size(); }
  std::string_view personal_of(std::size_t row) const {
    const std::uint32_t begin = row == 0 ? 0 : personal_end[row - 1];
    return std::string_view(personal).substr(begin, personal_end[row] - begin);
  }
  // Makes room for so many rows, each of which is to be set, in their order.
  void resize(std::size_t rows);
  // `marks`: to be kept instead of the event's own.
  void set(std::size_t row, const Event& event, std::uint32_t event_marks, const Hash128& key,
           const NameCodes& codes);
  void add(const Event& event, std::uint32_t event_marks, const Hash128& key,
           const NameCodes& codes);
  // Rows [begin, end) of others, whose names have the numbers of `names` here.
  void append(const EventColumns& from, std::size_t begin, std::size_t end, const NameMap& names);
  void clear();  // keeps its memory

  std::string serialise() const;
  // Errors: data_corruption unless the invariant holds for these dictionaries.
  static Result<EventColumns> parse(std::string_view bytes, const EventNames& names);
};

std::uint32_t pack(const Currency& currency);
Currency unpack_currency(std::uint32_t packed);

// The JSON object that holds an event's text, url and properties; empty when it has none of them.
std::string personal_json(const Event& event);

}  // namespace attune::events
