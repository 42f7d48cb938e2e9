#include "row_appender.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>

namespace attune::events {
namespace {

constexpr std::size_t kSealedMore = 41;  // bytes that sealing adds
constexpr std::size_t kWarmedRows = 16'384;
constexpr std::size_t kFew = 64;
constexpr std::int64_t kFarApart = 64;

// Texts of one column on their way into the history.
class TextColumn {
 public:
  explicit TextColumn(std::size_t rows, std::size_t bytes = 0) {
    bytes_.reserve(bytes);
    offsets_.reserve(rows + 1);
    present_.reserve(rows);
    offsets_.push_back(0);
  }
  void add(std::string_view text) {
    present_.push_back(!text.empty());
    bytes_.append(text);
    offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  store::ColumnSpan text() const {
    return store::ColumnSpan::text(bytes_, offsets_).with_present(present_);
  }
  store::ColumnSpan blob() const {
    return store::ColumnSpan::blob(bytes_, offsets_).with_present(present_);
  }

 private:
  std::string bytes_;
  std::vector<std::uint32_t> offsets_;
  std::vector<std::uint8_t> present_;
};

// Codes of labels, with what rows lack left out.
struct LabelColumn {
  std::vector<std::int16_t> codes;
  std::vector<std::uint8_t> present;

  explicit LabelColumn(std::size_t rows) : codes(rows), present(rows) {}
  LabelColumn(const std::vector<std::uint32_t>& rows, const std::vector<std::int16_t>& by_name)
      : LabelColumn(rows.size()) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] != kNoCode) set(i, by_name[rows[i]]);
    }
  }
  void set(std::size_t row, std::int16_t code) {
    codes[row] = code;
    present[row] = 1;
  }
  store::ColumnSpan span() const { return store::ColumnSpan::int16(codes).with_present(present); }
};

Result<LabelColumn> currencies(const EventColumns& columns, const LabelCodes& labels) {
  LabelColumn column(columns.rows());
  std::uint32_t last = 0;
  std::int16_t code = 0;
  for (std::size_t i = 0; i < columns.rows(); ++i) {
    const std::uint32_t packed = columns.currency[i];
    if (packed == 0) continue;
    if (packed != last) {
      ATTUNE_ASSIGN_OR_RETURN(code, labels.currency(packed));
      last = packed;
    }
    column.set(i, code);
  }
  return column;
}

template <class T>
std::vector<std::uint8_t> where(const std::vector<T>& values, auto present) {
  std::vector<std::uint8_t> mask(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) mask[i] = present(values[i]);
  return mask;
}

// Takes the rows whose index is in `rows` out of every vector of `columns`.
EventColumns select(const EventColumns& columns, const std::vector<std::size_t>& rows) {
  EventColumns kept;
  const auto pick = [&](auto member) {
    auto& out = kept.*member;
    out.reserve(rows.size());
    for (const std::size_t row : rows) out.push_back((columns.*member)[row]);
  };
  pick(&EventColumns::key_high), pick(&EventColumns::key_low), pick(&EventColumns::time);
  pick(&EventColumns::offset_minutes), pick(&EventColumns::type), pick(&EventColumns::customer);
  pick(&EventColumns::anonymous), pick(&EventColumns::item), pick(&EventColumns::order);
  pick(&EventColumns::session), pick(&EventColumns::decision), pick(&EventColumns::source),
      pick(&EventColumns::channel);
  pick(&EventColumns::currency), pick(&EventColumns::quantity), pick(&EventColumns::rating);
  pick(&EventColumns::price_minor), pick(&EventColumns::value_minor);
  pick(&EventColumns::duration_ms), pick(&EventColumns::marks);
  for (const std::size_t row : rows) {
    kept.personal += columns.personal_of(row);
    kept.personal_end.push_back(static_cast<std::uint32_t>(kept.personal.size()));
  }
  return kept;
}

Status append_spans(store::History& connection, std::span<const store::ColumnSpan> spans) {
  ATTUNE_ASSIGN_OR_RETURN(store::Appender appender, connection.appender("event_rows"));
  ATTUNE_RETURN_IF_ERROR(appender.append(spans));
  return appender.finish();
}

std::string_view text_of(const Dictionary& names, std::uint32_t code) {
  return code == kNoCode ? std::string_view() : names.text(code);
}

}  // namespace

Status RowAppender::append(store::History& connection, const EventColumns& columns, Sequence first,
                           std::int64_t begin, const KnownRows& known) const {
  std::vector<std::size_t> rows;  // that are not known
  std::vector<std::int64_t> sequence;
  const bool forgets = !numbers_.customers_until.empty() || !numbers_.anonymous_until.empty();
  for (std::size_t i = 0; i < columns.rows(); ++i) {
    const std::int64_t row = begin + static_cast<std::int64_t>(i);
    if (!known.empty() && known.contains(row)) continue;
    if (forgets && is_left_out(columns, i, Sequence{first.value + row})) continue;
    rows.push_back(i);
    sequence.push_back(first.value + row);
  }
  if (rows.empty()) return {};
  if (rows.size() == columns.rows()) return append_all(connection, columns, sequence);
  return append_all(connection, select(columns, rows), sequence);
}

CustomerNumber RowAppender::customer_of(const EventColumns& c, std::size_t row) const {
  if (c.customer[row] != kNoCode) return numbers_.customers[c.customer[row]];
  if (c.anonymous[row] != kNoCode) return numbers_.anonymous[c.anonymous[row]];
  return CustomerNumber{0};
}

bool RowAppender::is_left_out(const EventColumns& c, std::size_t row, Sequence sequence) const {
  const bool known = c.customer[row] != kNoCode;
  const std::uint32_t code = known ? c.customer[row] : c.anonymous[row];
  const auto until = known ? numbers_.customers_until : numbers_.anonymous_until;
  return code != kNoCode && !until.empty() && until[code] < sequence;
}

// The row tells of somebody whom the shop has forgotten.
bool RowAppender::is_of_nobody(const EventColumns& c, std::size_t row) const {
  return (c.customer[row] != kNoCode || c.anonymous[row] != kNoCode) && !customer_of(c, row);
}

// Where rows go through the customers one after another, their keys are read in one pass.
Status RowAppender::warm(const EventColumns& c, std::size_t begin) const {
  std::vector<CustomerNumber> sealed;
  for (std::size_t i = begin; i < std::min(c.rows(), begin + kWarmedRows); ++i) {
    if (const CustomerNumber customer = customer_of(c, i); customer && !c.personal_of(i).empty())
      sealed.push_back(customer);
  }
  if (!std::ranges::is_sorted(sealed)) return {};
  sealed.erase(std::unique(sealed.begin(), sealed.end()), sealed.end());
  if (sealed.size() < kFew) return {};
  const std::int64_t span = sealed.back().value - sealed.front().value;
  const bool close = span / kFarApart < static_cast<std::int64_t>(sealed.size());
  return close ? vault_.warm(sealed) : Status{};
}

Status RowAppender::append_all(store::History& connection, const EventColumns& c,
                               std::span<const std::int64_t> sequence) const {
  const std::size_t n = c.rows();
  std::vector<std::int64_t> customer(n), item(n);
  TextColumn order(n), session(n), decision(n);
  TextColumn personal(n, c.personal.size() + n * kSealedMore);
  for (std::size_t i = 0; i < n; ++i) {
    if (i % kWarmedRows == 0) ATTUNE_RETURN_IF_ERROR(warm(c, i));
    customer[i] = customer_of(c, i).value;
    if (c.item[i] != kNoCode) item[i] = numbers_.items[c.item[i]].value;
    const bool nobody = is_of_nobody(c, i);
    order.add(nobody ? std::string_view() : text_of(names_.orders, c.order[i]));
    session.add(nobody ? std::string_view() : text_of(names_.sessions, c.session[i]));
    decision.add(text_of(names_.decisions, c.decision[i]));
    const std::string_view plain = nobody ? std::string_view() : c.personal_of(i);
    if (plain.empty()) {
      personal.add({});
    } else {
      ATTUNE_ASSIGN_OR_RETURN(const std::string sealed,
                              vault_.seal(CustomerNumber{customer[i]}, "event", plain));
      personal.add(sealed);
    }
  }
  const LabelColumn source(c.source, labels_.sources);
  const LabelColumn channel(c.channel, labels_.channels);
  ATTUNE_ASSIGN_OR_RETURN(const LabelColumn currency, currencies(c, labels_));
  const std::vector<std::int32_t> marks(c.marks.begin(), c.marks.end());
  const auto has_amount = [](std::int64_t amount) { return amount != kNoAmount; };
  const auto has_number = [](double number) { return !std::isnan(number); };
  const auto offset_present =
      where(c.offset_minutes, [](std::int16_t offset) { return offset != kNoOffset; });
  const auto quantity_present = where(c.quantity, has_number);
  const auto rating_present = where(c.rating, has_number);
  const auto price_present = where(c.price_minor, has_amount);
  const auto value_present = where(c.value_minor, has_amount);
  const auto duration_present = where(c.duration_ms, has_amount);
  using Span = store::ColumnSpan;
  const std::array spans{Span::int64(sequence),
                         Span::uint64(c.key_high),
                         Span::uint64(c.key_low),
                         Span::timestamp(std::span<const std::int64_t>(c.time)),
                         Span::int16(c.offset_minutes).with_present(offset_present),
                         Span::uint8(c.type),
                         Span::int64(customer),
                         Span::int64(item),
                         order.text(),
                         session.text(),
                         source.span(),
                         channel.span(),
                         currency.span(),
                         Span::float64(c.quantity).with_present(quantity_present),
                         Span::int64(c.price_minor).with_present(price_present),
                         Span::int64(c.value_minor).with_present(value_present),
                         Span::float64(c.rating).with_present(rating_present),
                         Span::int64(c.duration_ms).with_present(duration_present),
                         Span::int32(marks),
                         personal.blob(),
                         decision.text()};
  return append_spans(connection, spans);
}

}  // namespace attune::events
