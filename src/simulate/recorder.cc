#include "recorder.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace attune::simulate {

using events::EventType;

namespace {

constexpr std::string_view kEventHeadings =
    "event_id,time,event,customer_id,anonymous_id,session_id,order_id,product_id,product_name,"
    "category,brand,quantity,price,currency,rating,text,channel\n";
constexpr std::int64_t kResentAfterAtLeast = 50;  // rows
constexpr std::uint64_t kResentWithin = 2'000;

std::string_view attribute(const events::Event& event, std::string_view wanted) {
  for (const events::Attribute& one : event.item_attributes) {
    if (one.name == wanted) return one.value;
  }
  return {};
}

std::size_t channel_index(std::string_view channel) {
  std::size_t i = 0;
  while (i + 1 < kChannelCount && name(static_cast<Channel>(i)) != channel) ++i;
  return i;
}

bool belongs_to_nobody(const events::Event& event) {
  return event.customer.empty() && event.anonymous.empty();
}

}  // namespace

std::string_view reason(Defect defect) {
  static constexpr std::array<std::string_view, kDefectCount> kNames = {
      "impossible_time", "missing_time",     "unknown_type",
      "bad_number",      "wrong_cell_count", "wrong_cell_count"};
  return kNames[static_cast<std::size_t>(defect)];
}

Recorder::Recorder(const World& world, OutputFile& events, OutputFile& orders)
    : world_(world),
      words_(words_of(world.parameters().language)),
      events_(events),
      orders_(orders),
      event_chance_(world.parameters().seed, "events.csv"),
      order_chance_(world.parameters().seed, "orders.csv") {
  Rng random(world.parameters().seed, "malformed rows");
  const auto days = static_cast<std::uint64_t>(world.parameters().days);
  for (std::int64_t i = 0; i < world.parameters().malformed_rows; ++i) {
    malformed_days_.push_back(static_cast<std::int64_t>(random.below(days)));
  }
  std::ranges::sort(malformed_days_, std::ranges::greater{});
}

Status Recorder::write_headings() {
  for (const std::string_view heading : words_.order_headings) row_.text(heading);
  ATTUNE_RETURN_IF_ERROR(orders_.write(row_.finish()));
  return events_.write(kEventHeadings);
}

void Recorder::begin_day(std::int64_t day) {
  while (!malformed_days_.empty() && malformed_days_.back() <= day) {
    malformed_days_.pop_back();
    ++malformed_due_;
  }
}

Status Recorder::take(const SimulatedEvent& event) {
  while (malformed_due_ > 0 && event.actor != Actor::bot) {
    ATTUNE_RETURN_IF_ERROR(write_malformed(event));
  }
  ATTUNE_RETURN_IF_ERROR(write_event(event));
  if (event.event.type == EventType::purchase || event.event.type == EventType::refund) {
    ATTUNE_RETURN_IF_ERROR(write_order_line(event));
  }
  return {};
}

// "2025-06-09T14:03:22+01:00".
std::string_view Recorder::event_time(Timestamp time, int offset_minutes) {
  const CivilTime c = civil_from_utc({time.micros + offset_minutes * kMicrosPerMinute});
  const int minutes = offset_minutes < 0 ? -offset_minutes : offset_minutes;
  time_.clear();
  fmt::format_to(std::back_inserter(time_), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{:02}:{:02}",
                 c.year, c.month, c.day, c.hour, c.minute, c.second, offset_minutes < 0 ? '-' : '+',
                 minutes / 60, minutes % 60);
  return time_;
}

std::string_view Recorder::event_line(const SimulatedEvent& simulated, Row row, Defect defect) {
  const events::Event& event = simulated.event;
  const bool bad = row == Row::malformed;
  // An id of its own keeps a malformed row from being the repeat of another.
  row_.text(bad ? fmt::format("x{:09}", malformed_written_) : std::string(event.event_id));
  if (bad && defect == Defect::bad_time) {
    row_.text("2025-02-30T25:61:00");
  } else if (bad && defect == Defect::missing_time) {
    row_.none();
  } else if (row == Row::resent) {
    row_.text(format_iso(event.time));
  } else {
    row_.text(event_time(event.time, event.offset_minutes.value_or(0)));
  }
  row_.text(bad && defect == Defect::unknown_event ? "teleport" : name(event.type));
  row_.text(event.customer);
  row_.text(event.anonymous);
  if (bad && defect == Defect::cut_short) return row_.finish();
  row_.text(event.session);
  row_.text(event.order);
  row_.text(event.item);
  row_.text(attribute(event, "name"));
  row_.text(attribute(event, "category"));
  row_.text(attribute(event, "brand"));
  event.quantity ? row_.number(static_cast<std::int64_t>(*event.quantity)) : row_.none();
  if (bad && defect == Defect::bad_price) {
    row_.text("abc");
  } else {
    event.price_minor ? row_.amount(*event.price_minor) : row_.none();
  }
  row_.text(event.currency.known() ? event.currency.to_string() : "");
  event.rating ? row_.number(static_cast<std::int64_t>(*event.rating)) : row_.none();
  row_.text(event.text);
  row_.text(event.channel);
  if (bad && defect == Defect::too_long) row_.text("extra");
  return row_.finish();
}

Status Recorder::write_event(const SimulatedEvent& simulated) {
  const events::Event& event = simulated.event;
  const bool missing = belongs_to_nobody(event);
  const bool refund = event.type == EventType::refund;
  const bool has_id = !event.event_id.empty();
  const bool twice = event_chance_.chance(world_.parameters().duplicate_share);
  const bool again = event_chance_.chance(world_.parameters().resent_share) && has_id;

  FileCounts& file = counts_.events;
  const std::string_view line = event_line(simulated, Row::good, {});
  for (int i = 0; i < (twice ? 2 : 1); ++i) ATTUNE_RETURN_IF_ERROR(events_.write(line));
  const std::int64_t written = twice ? 2 : 1;
  file.rows += written;
  ++file.good;
  ++file.good_by_event[std::string(name(event.type))];
  file.exact_duplicates += twice ? 1 : 0;
  file.exact_duplicates_with_event_id += twice && has_id ? 1 : 0;
  file.missing_customer += missing ? 1 : 0;
  file.missing_customer_rows += missing ? written : 0;
  file.refunds += refund ? 1 : 0;
  file.refund_rows += refund ? written : 0;
  if (simulated.actor == Actor::bot) {
    ++counts_.bot_rows;
    ++bot_rows_[std::string(event.anonymous)];
  }
  if (again) {
    const auto due = file.good + kResentAfterAtLeast +
                     static_cast<std::int64_t>(event_chance_.below(kResentWithin));
    const auto at = std::ranges::upper_bound(resent_, due, {}, &Resent::due);
    resent_.insert(at, {due, std::string(event_line(simulated, Row::resent, {})), missing, refund});
  }
  return send_again(file.good);
}

Status Recorder::send_again(std::int64_t rows_so_far) {
  FileCounts& file = counts_.events;
  while (!resent_.empty() && resent_.front().due <= rows_so_far) {
    const Resent& row = resent_.front();
    ATTUNE_RETURN_IF_ERROR(events_.write(row.line));
    ++file.rows;
    ++file.resent;
    file.missing_customer_rows += row.missing ? 1 : 0;
    file.refund_rows += row.refund ? 1 : 0;
    resent_.pop_front();
  }
  return {};
}

Status Recorder::finish() {
  counts_.bots = std::ssize(bot_rows_);
  return send_again(std::numeric_limits<std::int64_t>::max());
}

Status Recorder::write_malformed(const SimulatedEvent& event) {
  const auto defect = static_cast<Defect>(malformed_written_ % kDefectCount);
  ++malformed_written_;
  --malformed_due_;
  ++counts_.events.rows;
  ++counts_.events.malformed[std::string(reason(defect))];
  return events_.write(event_line(event, Row::malformed, defect));
}

Status Recorder::write_order_line(const SimulatedEvent& simulated) {
  const events::Event& event = simulated.event;
  const bool refund = event.type == EventType::refund;
  const bool missing = event.customer.empty();
  const CivilTime c =
      civil_from_utc({event.time.micros + event.offset_minutes.value_or(0) * kMicrosPerMinute});
  const auto quantity = static_cast<std::int64_t>(event.quantity.value_or(1));
  row_.text(event.order);
  row_.text(fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", c.year, c.month, c.day, c.hour,
                        c.minute, c.second));
  row_.text(event.customer);
  row_.text(event.item);
  row_.text(attribute(event, "name"));
  row_.text(attribute(event, "category"));
  row_.text(attribute(event, "brand"));
  row_.number(refund ? -quantity : quantity);
  row_.amount(event.price_minor.value_or(0));
  row_.text(event.currency.to_string());
  row_.text(words_.channel_names[channel_index(event.channel)]);
  row_.text(missing ? "" : make_persona(world_.parameters(), simulated.customer).city);

  const bool twice = order_chance_.chance(world_.parameters().duplicate_share);
  const std::string_view line = row_.finish();
  FileCounts& file = counts_.orders;
  for (int i = 0; i < (twice ? 2 : 1); ++i) ATTUNE_RETURN_IF_ERROR(orders_.write(line));
  const std::int64_t written = twice ? 2 : 1;
  file.rows += written;
  ++file.good;
  ++file.good_by_event[std::string(name(event.type))];
  file.exact_duplicates += twice ? 1 : 0;
  file.missing_customer += missing ? 1 : 0;
  file.missing_customer_rows += missing ? written : 0;
  file.refunds += refund ? 1 : 0;
  file.refund_rows += refund ? written : 0;
  return {};
}

}  // namespace attune::simulate
