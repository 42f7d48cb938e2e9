#include "attune/events/event_columns.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/bytes.h"
#include "attune/base/hash.h"

namespace attune::events {
namespace {

constexpr std::size_t kBlockBytes = 1 << 16;
constexpr std::uint64_t kRowsMax = 1 << 20;  // of one chunk or journal entry; damage claims more
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

Error bad_rows(std::string_view what) {
  return data_corruption("staged rows hold " + std::string(what));
}

Status check_codes(const std::vector<std::uint32_t>& codes, std::uint32_t size) {
  for (const std::uint32_t code : codes) {
    if (code != kNoCode && code >= size) {
      return std::unexpected(bad_rows("a number that names nothing"));
    }
  }
  return {};
}

}  // namespace

std::uint32_t Dictionary::code(std::string_view text) {
  if (text.empty()) return kNoCode;
  if (last_ != kNoCode && texts_[last_] == text) return last_;
  return code(text, hash64(text));
}

std::uint32_t Dictionary::code(std::string_view text, std::uint64_t hash) {
  if ((texts_.size() + 1) * 2 > slots_.size()) grow();
  std::size_t slot = hash & (slots_.size() - 1);
  while (slots_[slot] != 0) {
    const std::uint32_t found = slots_[slot] - 1;
    if (hashes_[found] == hash && texts_[found] == text) return last_ = found;
    slot = (slot + 1) & (slots_.size() - 1);
  }
  const std::uint32_t added = size();
  slots_[slot] = added + 1;
  hashes_.push_back(hash);
  texts_.push_back(keep(text));
  return last_ = added;
}

std::vector<std::uint32_t> Dictionary::take_in(const Dictionary& from) {
  constexpr std::uint32_t kAhead = 8;  // large dictionaries lie outside the caches
  std::vector<std::uint32_t> codes(from.size());
  for (std::uint32_t i = 0; i < from.size(); ++i) {
    if (i + kAhead < from.size() && !slots_.empty())
      __builtin_prefetch(&slots_[from.hashes_[i + kAhead] & (slots_.size() - 1)]);
    codes[i] = code(from.texts_[i], from.hashes_[i]);
  }
  return codes;
}

void Dictionary::reserve(std::size_t count) {
  slots_.assign(std::bit_ceil(std::max<std::size_t>(64, 2 * (count + 1))), 0);
  hashes_.reserve(count);
  texts_.reserve(count);
}

void Dictionary::grow() {
  slots_.assign(std::max<std::size_t>(64, slots_.size() * 2), 0);
  for (std::uint32_t code = 0; code < size(); ++code) {
    std::size_t slot = hashes_[code] & (slots_.size() - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = code + 1;
  }
}

std::string_view Dictionary::keep(std::string_view text) {
  if (blocks_.empty() || blocks_.back().capacity() - blocks_.back().size() < text.size()) {
    blocks_.emplace_back().reserve(std::max(kBlockBytes, text.size()));
  }
  std::string& block = blocks_.back();
  const std::size_t begin = block.size();
  block.append(text);
  return std::string_view(block).substr(begin);
}

std::string Dictionary::serialise() const {
  ByteWriter out;
  out.value(static_cast<std::uint64_t>(texts_.size()));
  for (const std::string_view text : texts_) out.text(text);
  return out.bytes();
}

Result<Dictionary> Dictionary::parse(std::string_view bytes) {
  ByteReader in(bytes);
  ATTUNE_ASSIGN_OR_RETURN(const std::uint64_t count, in.value<std::uint64_t>());
  if (count > in.left() / sizeof(std::uint64_t) || count > kNoCode)  // each has its length in front
    return std::unexpected(bad_rows("a length that passes their end"));
  Dictionary dictionary;
  dictionary.reserve(static_cast<std::size_t>(count));
  // Read some ahead, so that the places of large dictionaries are there when they are looked at.
  std::array<std::pair<std::string_view, std::uint64_t>, 16> ahead;
  for (std::uint64_t i = 0; i < count + ahead.size(); ++i) {
    auto& [text, hash] = ahead[i % ahead.size()];
    if (i >= ahead.size() && (text.empty() || dictionary.code(text, hash) != i - ahead.size())) {
      return std::unexpected(bad_rows("a name twice, or an empty one"));
    }
    if (i >= count) continue;
    ATTUNE_ASSIGN_OR_RETURN(text, in.text());
    hash = hash64(text);
    __builtin_prefetch(&dictionary.slots_[hash & (dictionary.slots_.size() - 1)]);
  }
  ATTUNE_RETURN_IF_ERROR(in.finish());
  return dictionary;
}

std::string EventNames::serialise() const {
  ByteWriter out;
  for (const Dictionary* d :
       {&customers, &anonymous, &items, &orders, &sessions, &decisions, &sources, &channels})
    out.text(d->serialise());
  return out.bytes();
}

Result<EventNames> EventNames::parse(std::string_view bytes) {
  ByteReader in(bytes);
  EventNames names;
  for (Dictionary* d : {&names.customers, &names.anonymous, &names.items, &names.orders,
                        &names.sessions, &names.decisions, &names.sources, &names.channels}) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string_view dictionary, in.text());
    ATTUNE_ASSIGN_OR_RETURN(*d, Dictionary::parse(dictionary));
  }
  ATTUNE_RETURN_IF_ERROR(in.finish());
  return names;
}

std::uint32_t pack(const Currency& currency) {
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(currency.code[i]));
  };
  return byte(0) << 16 | byte(1) << 8 | byte(2);
}

Currency unpack_currency(std::uint32_t packed) {
  Currency currency;
  currency.code = {static_cast<char>(packed >> 16 & 0xFF), static_cast<char>(packed >> 8 & 0xFF),
                   static_cast<char>(packed & 0xFF)};
  return currency;
}

namespace {

// {"name":"text"} of ASCII without blanks around and without escapes but of quotes and backslashes:
// read and written again it would come out the same.
bool is_one_plain_text(std::string_view json) {
  if (!json.starts_with("{\"") || !json.ends_with("\"}")) return false;
  std::size_t at = 2;
  const auto end_of_text = [&] {
    for (; at < json.size(); ++at) {
      const char c = json[at];
      if (c == '"') return true;
      if (c < 0x20 || c == 0x7F) return false;  // bytes of other letters are below 0
      if (c != '\\') continue;
      ++at;
      if (at == json.size() || (json[at] != '"' && json[at] != '\\')) return false;
    }
    return false;
  };
  if (!end_of_text() || !json.substr(at).starts_with("\":\"")) return false;
  at += 3;
  return end_of_text() && at == json.size() - 2;
}

}  // namespace

std::string personal_json(const Event& event) {
  if (event.text.empty() && event.url.empty() && event.properties.empty()) return {};
  if (event.text.empty() && event.url.empty() && is_one_plain_text(event.properties))
    return fmt::format(R"({{"properties":{}}})", event.properties);
  boost::json::object object;
  if (!event.text.empty()) object["text"] = event.text;
  if (!event.url.empty()) object["url"] = event.url;
  if (!event.properties.empty()) {
    boost::system::error_code failure;
    boost::json::value properties = boost::json::parse(event.properties, failure);
    object["properties"] = failure ? boost::json::value(event.properties) : std::move(properties);
  }
  return boost::json::serialize(object);
}

NameMap take_in(const EventNames& from, EventNames& into) {
  return {into.customers.take_in(from.customers), into.anonymous.take_in(from.anonymous),
          into.items.take_in(from.items),         into.orders.take_in(from.orders),
          into.sessions.take_in(from.sessions),   into.decisions.take_in(from.decisions),
          into.sources.take_in(from.sources),     into.channels.take_in(from.channels)};
}

NameCodes number_names(const Event& event, EventNames& names) {
  return {names.customers.code(event.customer), names.anonymous.code(event.anonymous),
          names.items.code(event.item),         names.orders.code(event.order),
          names.sessions.code(event.session),   names.decisions.code(event.decision),
          names.sources.code(event.source),     names.channels.code(event.channel)};
}

namespace {

// Calls `visit` with every vector of `columns` that has a value a row.
template <class Columns>
void for_each_column(Columns& columns, auto visit) {
  visit(columns.key_high), visit(columns.key_low), visit(columns.time);
  visit(columns.offset_minutes), visit(columns.type);
  visit(columns.customer), visit(columns.anonymous), visit(columns.item), visit(columns.order);
  visit(columns.session), visit(columns.decision), visit(columns.source), visit(columns.channel),
      visit(columns.currency);
  visit(columns.quantity), visit(columns.rating);
  visit(columns.price_minor), visit(columns.value_minor), visit(columns.duration_ms);
  visit(columns.marks), visit(columns.personal_end);
}

}  // namespace

void EventColumns::resize(std::size_t rows) {
  for_each_column(*this, [&](auto& column) { column.resize(rows); });
}

void EventColumns::add(const Event& event, std::uint32_t event_marks, const Hash128& key,
                       const NameCodes& codes) {
  resize(rows() + 1);
  set(rows() - 1, event, event_marks, key, codes);
}

void EventColumns::set(std::size_t row, const Event& event, std::uint32_t event_marks,
                       const Hash128& key, const NameCodes& codes) {
  key_high[row] = key.high;
  key_low[row] = key.low;
  time[row] = event.time.micros;
  offset_minutes[row] = event.offset_minutes.value_or(kNoOffset);
  type[row] = static_cast<std::uint8_t>(event.type);
  customer[row] = codes.customer;
  anonymous[row] = codes.anonymous;
  item[row] = codes.item;
  order[row] = codes.order;
  session[row] = codes.session;
  decision[row] = codes.decision;
  source[row] = codes.source;
  channel[row] = codes.channel;
  currency[row] = pack(event.currency);
  quantity[row] = event.quantity.value_or(kNone);
  rating[row] = event.rating.value_or(kNone);
  price_minor[row] = event.price_minor.value_or(kNoAmount);
  value_minor[row] = event.value_minor.value_or(kNoAmount);
  duration_ms[row] = event.duration_ms.value_or(kNoAmount);
  marks[row] = event_marks;
  if (!event.text.empty() || !event.url.empty() || !event.properties.empty())
    personal += personal_json(event);
  personal_end[row] = static_cast<std::uint32_t>(personal.size());
}

namespace {

template <class T>
void append_rows(const std::vector<T>& from, std::size_t begin, std::size_t end,
                 std::vector<T>& into) {
  into.insert(into.end(), from.begin() + static_cast<std::ptrdiff_t>(begin),
              from.begin() + static_cast<std::ptrdiff_t>(end));
}

void append_codes(const std::vector<std::uint32_t>& from, std::size_t begin, std::size_t end,
                  const std::vector<std::uint32_t>& codes, std::vector<std::uint32_t>& into) {
  const std::size_t before = into.size();
  into.resize(before + end - begin);
  for (std::size_t i = begin; i < end; ++i)
    into[before + i - begin] = from[i] == kNoCode ? kNoCode : codes[from[i]];
}

}  // namespace

void EventColumns::append(const EventColumns& from, std::size_t begin, std::size_t end,
                          const NameMap& names) {
  const auto rows = [&](auto member) { append_rows(from.*member, begin, end, this->*member); };
  const auto codes = [&](auto member, const std::vector<std::uint32_t>& map) {
    append_codes(from.*member, begin, end, map, this->*member);
  };
  rows(&EventColumns::key_high), rows(&EventColumns::key_low), rows(&EventColumns::time);
  rows(&EventColumns::offset_minutes), rows(&EventColumns::type), rows(&EventColumns::currency);
  rows(&EventColumns::quantity), rows(&EventColumns::rating), rows(&EventColumns::price_minor);
  rows(&EventColumns::value_minor), rows(&EventColumns::duration_ms), rows(&EventColumns::marks);
  codes(&EventColumns::customer, names.customers), codes(&EventColumns::item, names.items);
  codes(&EventColumns::anonymous, names.anonymous), codes(&EventColumns::order, names.orders);
  codes(&EventColumns::session, names.sessions), codes(&EventColumns::decision, names.decisions);
  codes(&EventColumns::source, names.sources), codes(&EventColumns::channel, names.channels);
  const std::size_t first = begin == 0 ? 0 : from.personal_end[begin - 1];
  const std::size_t last = end == 0 ? 0 : from.personal_end[end - 1];
  for (std::size_t i = begin; i < end; ++i)
    personal_end.push_back(
        static_cast<std::uint32_t>(personal.size() + from.personal_end[i] - first));
  personal.append(from.personal, first, last - first);
}

void EventColumns::clear() {
  for_each_column(*this, [](auto& column) { column.clear(); });
  personal.clear();
}

std::string EventColumns::serialise() const {
  std::size_t bytes = personal.size() + sizeof(std::uint64_t);
  for_each_column(*this, [&](const auto& column) {
    bytes += 2 * sizeof(std::uint64_t) + column.size() * sizeof(column[0]);
  });
  ByteWriter out(bytes);
  out.value(static_cast<std::uint64_t>(rows()));
  for_each_column(*this, [&](const auto& column) { out.folded(column); });
  out.text(personal);
  return out.bytes();
}

Result<EventColumns> EventColumns::parse(std::string_view bytes, const EventNames& names) {
  ByteReader in(bytes);
  EventColumns c;
  ATTUNE_ASSIGN_OR_RETURN(const std::uint64_t rows, in.value<std::uint64_t>());
  if (rows > kRowsMax) return std::unexpected(bad_rows("more rows than are staged together"));
  Status read;
  for_each_column(c, [&]<class T>(std::vector<T>& column) {
    if (!read) return;
    Result<std::vector<T>> values = in.folded<T>(rows);
    if (values) {
      column = std::move(*values);
    } else {
      read = std::unexpected(values.error());
    }
  });
  ATTUNE_RETURN_IF_ERROR(read);
  const std::pair<const std::vector<std::uint32_t>*, std::uint32_t> coded[] = {
      {&c.customer, names.customers.size()}, {&c.anonymous, names.anonymous.size()},
      {&c.item, names.items.size()},         {&c.order, names.orders.size()},
      {&c.session, names.sessions.size()},   {&c.decision, names.decisions.size()},
      {&c.source, names.sources.size()},     {&c.channel, names.channels.size()}};
  for (const auto& [codes, size] : coded) ATTUNE_RETURN_IF_ERROR(check_codes(*codes, size));
  ATTUNE_ASSIGN_OR_RETURN(const std::string_view personal, in.text());
  ATTUNE_RETURN_IF_ERROR(in.finish());
  c.personal = personal;
  if (!std::ranges::is_sorted(c.personal_end) ||
      (rows > 0 && c.personal_end.back() != c.personal.size())) {
    return std::unexpected(bad_rows("texts that overlap"));
  }
  if (std::ranges::any_of(c.type, [](std::uint8_t t) { return t >= kEventTypeCount; })) {
    return std::unexpected(bad_rows("an event type that does not exist"));
  }
  return c;
}

}  // namespace attune::events
