#include "attune/events/reader.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "plan.h"
#include "row_maker.h"

namespace attune::events {
namespace detail {
namespace {

enum class Made : std::uint8_t { row, refused, ignored };

bool is_about_items(EventType type) {
  switch (type) {
    case EventType::view:
    case EventType::cart_add:
    case EventType::cart_remove:
    case EventType::wishlist:
    case EventType::purchase:
    case EventType::refund:
    case EventType::rating:
    case EventType::review:
      return true;
    default:
      return false;
  }
}

// Cancellations and negative amounts: what a purchase turns into. Amounts of refunds are positive.
void apply_signs(const Plan& plan, RowMaker& maker, Event& event) {
  const Mapping& mapping = plan.mapping;
  const bool bought = event.type == EventType::purchase;
  const bool below = event.quantity
                         ? *event.quantity < 0
                         : bought && event.value_minor.value_or(0) < 0 && !event.price_minor;
  if (bought && !mapping.cancelled_prefix.empty() &&
      event.order.starts_with(mapping.cancelled_prefix)) {
    event.type = EventType::refund;
    maker.marks |= bit(Mark::cancelled);
  } else if (bought && below) {
    const auto rule = mapping.negative_quantity.value_or(NegativeQuantity::cancels);
    if (rule != NegativeQuantity::keep) event.type = EventType::refund;
    maker.marks |=
        bit(rule == NegativeQuantity::cancels ? Mark::cancelled : Mark::negative_quantity);
  }
  if (event.type != EventType::refund) return;
  if (event.quantity) event.quantity = std::fabs(*event.quantity);
  if (event.value_minor) event.value_minor = std::abs(*event.value_minor);
}

bool read_amounts(RowMaker& maker, Event& event) {
  std::optional<Decimal> price;
  std::optional<Decimal> value;
  int exponent = 2;
  if (!maker.currency(event.currency, exponent) || !maker.real(Field::quantity, event.quantity) ||
      !maker.amount(Field::price, price, event.currency, exponent) ||
      !maker.amount(Field::value, value, event.currency, exponent)) {
    return false;
  }
  if (!price && !value) return true;
  std::int64_t minor = 0;
  if (price) {
    if (!maker.minor(*price, 1, exponent, Field::price, minor)) return false;
    event.price_minor = minor;
    if (price->digits == 0) maker.marks |= bit(Mark::zero_price);
    if (price->digits < 0) maker.marks |= bit(Mark::negative_price);
  }
  if (value) {
    if (!maker.minor(*value, 1, exponent, Field::value, minor)) return false;
    event.value_minor = minor;
  } else if (event.type == EventType::purchase || event.type == EventType::refund) {
    if (!maker.minor(*price, event.quantity.value_or(1), exponent, Field::price, minor))
      return false;
    event.value_minor = minor;
  }
  return true;
}

void read_texts(const Plan& plan, RowMaker& maker, Event& event) {
  event.customer = maker.identifier(Field::customer);
  event.anonymous = maker.identifier(Field::anonymous);
  event.order = maker.identifier(Field::order);
  event.session = maker.identifier(Field::session);
  event.decision = maker.identifier(Field::decision);
  event.event_id = maker.identifier(Field::event_id);
  event.source = maker.identifier(Field::source);
  event.channel = maker.identifier(Field::channel);
  if (event.source.empty()) event.source = plan.shop.source;
  if (event.channel.empty()) event.channel = plan.shop.channel;
  event.text = maker.plain(Field::text);
  event.url = maker.plain(Field::url);
}

Made make(const Plan& plan, const Resolved& resolved, BatchState& state, RowMaker& maker,
          Event& event) {
  int type = 0;
  if (!maker.type(type)) return Made::refused;
  if (type == kIgnoredType) return Made::ignored;
  event.type = static_cast<EventType>(type);
  std::optional<TimeValue> time;
  if (!maker.time(time)) return Made::refused;
  if (!time) {
    maker.refuse(maker.cell(Field::time), Field::time, "missing_time", "the row has no time",
                 "fill it in; an event needs to say when it happened");
    return Made::refused;
  }
  event.time = time->time;
  event.offset_minutes = time->offset_minutes;
  event.item = maker.identifier(Field::item);
  if (event.item.empty() && maker.fed(Field::item) && !plan.mapping.item_optional.value_or(false) &&
      is_about_items(event.type)) {
    maker.refuse(maker.cell(Field::item), Field::item, "missing_item",
                 fmt::format("a {} without an item", name(event.type)),
                 "fill it in, or say --map item.optional=true");
    return Made::refused;
  }
  if (!read_amounts(maker, event) || !maker.real(Field::rating, event.rating) ||
      !maker.integer(Field::duration_ms, event.duration_ms)) {
    return Made::refused;
  }
  read_texts(plan, maker, event);
  if (resolved.explode_column >= 0 && !event.event_id.empty()) {
    const std::string_view number =
        state.records.row(maker.record())[static_cast<std::size_t>(resolved.explode_column)];
    if (!number.empty())
      event.event_id = state.arena.keep(fmt::format("{}#{}", event.event_id, number));
  }
  if (event.quantity && *event.quantity == 0) maker.marks |= bit(Mark::zero_quantity);
  apply_signs(plan, maker, event);
  bool name_missing = false;
  if (!resolved.item_attributes.empty()) {
    event.item_attributes = maker.attributes(resolved.item_attributes, name_missing);
  }
  if (name_missing && !event.item.empty()) maker.marks |= bit(Mark::missing_description);
  if (!resolved.customer_attributes.empty()) {
    event.customer_attributes = maker.attributes(resolved.customer_attributes, name_missing);
  }
  if (!resolved.properties.empty() || resolved.at(Field::properties).fed())
    event.properties = maker.properties_json();
  if (event.customer.empty() && event.anonymous.empty()) maker.marks |= bit(Mark::missing_customer);
  event.marks = maker.marks;
  return Made::row;
}

Made missing_id(RowMaker& maker, std::string_view of) {
  maker.refuse(maker.cell(Field::id), Field::id, "missing_id", fmt::format("the {} has no id", of),
               "fill it in");
  return Made::refused;
}

Made make(const Plan&, const Resolved& resolved, BatchState& state, RowMaker& maker, ItemRow& row) {
  row.id = maker.identifier(Field::id);
  if (row.id.empty()) return missing_id(maker, "item");
  std::optional<TimeValue> time;
  std::optional<Decimal> price;
  int exponent = 2;
  if (!maker.time(time) || !maker.currency(row.currency, exponent) ||
      !maker.amount(Field::price, price, row.currency, exponent) ||
      !maker.real(Field::stock, row.stock)) {
    return Made::refused;
  }
  if (time) row.valid_from = time->time;
  if (price) {
    std::int64_t minor = 0;
    if (!maker.minor(*price, 1, exponent, Field::price, minor)) return Made::refused;
    row.price_minor = minor;
    if (price->digits == 0) maker.marks |= bit(Mark::zero_price);
    if (price->digits < 0) maker.marks |= bit(Mark::negative_price);
  }
  row.name = maker.identifier(Field::name);
  if (row.name.empty() && maker.fed(Field::name)) maker.marks |= bit(Mark::missing_description);
  row.category = maker.identifier(Field::category);
  if (const std::string& mark = resolved.at(Field::category).split; !mark.empty()) {
    maker.split_attribute("category", row.category, mark);
    row.category = maker.pending.empty() ? std::string_view() : maker.pending.front().value;
  }
  row.brand = maker.identifier(Field::brand);
  row.url = maker.plain(Field::url);
  bool name_missing = false;
  row.attributes = maker.attributes(resolved.item_attributes, name_missing);
  row.marks = maker.marks;
  (void)state;
  return Made::row;
}

Made make(const Plan&, const Resolved& resolved, BatchState&, RowMaker& maker, CustomerRow& row) {
  row.id = maker.identifier(Field::id);
  row.anonymous = maker.identifier(Field::anonymous);
  row.previous = maker.identifier(Field::previous);
  const bool nobody = row.id.empty() && (row.anonymous.empty() || !row.previous.empty());
  if (nobody) return missing_id(maker, "customer");
  if (!row.previous.empty() && !row.anonymous.empty()) {
    maker.refuse(maker.cell(Field::previous), Field::previous, "two_ids",
                 "a row says whose anonymous id it is or which id the customer had before",
                 "make two rows of it");
    return Made::refused;
  }
  std::optional<TimeValue> time;
  if (!maker.time(time)) return Made::refused;
  if (time) row.time = time->time;
  bool name_missing = false;
  row.traits = maker.attributes(resolved.customer_attributes, name_missing);
  row.marks = maker.marks;
  return Made::row;
}

}  // namespace
}  // namespace detail

template <class Row>
Batch<Row>::Batch() : state_(std::make_unique<detail::BatchState>()) {}
template <class Row>
Batch<Row>::~Batch() = default;
template <class Row>
Batch<Row>::Batch(Batch&&) noexcept = default;
template <class Row>
Batch<Row>& Batch<Row>::operator=(Batch&&) noexcept = default;

template <class Row>
std::int64_t Batch<Row>::line(std::size_t i) const {
  return state_->records.place(records_[i]).line;
}

template <class Row>
std::string_view Batch<Row>::raw(std::size_t i) const {
  return state_->records.place(records_[i]).raw;
}

template <class Row>
RecordBatch& Batch<Row>::spare_records() {
  return state_->records;
}

template <class Row>
Mapper<Row>::Mapper(std::shared_ptr<const detail::Plan> plan) : plan_(std::move(plan)) {}
template <class Row>
Mapper<Row>::Mapper(Mapper&&) noexcept = default;
template <class Row>
Mapper<Row>& Mapper<Row>::operator=(Mapper&&) noexcept = default;
template <class Row>
Mapper<Row>::~Mapper() = default;

template <class Row>
Result<Mapper<Row>> Mapper<Row>::create(const Mapping& mapping, const ShopSettings& shop,
                                        RecordReader& records) {
  ATTUNE_ASSIGN_OR_RETURN(auto plan, detail::Plan::create(mapping, shop, records));
  return Mapper(std::move(plan));
}

template <class Row>
void Mapper<Row>::map(RecordBatch&& records, std::span<const std::string> columns,
                      Batch<Row>& batch) const {
  detail::BatchState& state = *batch.state_;
  if (&records != &state.records) std::swap(state.records, records);
  state.arena.clear();
  state.plan = plan_;
  batch.rows_.clear();
  batch.records_.clear();
  batch.ignored_ = 0;
  const auto refused = state.records.rejected();
  batch.quarantined_.assign(refused.begin(), refused.end());
  const detail::Resolved* resolved = &plan_->resolved;
  if (columns.size() != resolved->column_count) {
    state.records.widen(columns.size());
    state.own = plan_->resolve(columns);
    resolved = &state.own;
  }
  const std::size_t count = state.records.rows();
  batch.rows_.reserve(count);
  batch.records_.reserve(count);
  detail::RowMaker maker(*plan_, *resolved, state, batch.quarantined_);
  for (std::size_t i = 0; i < count; ++i) {
    maker.begin(i);
    Row& row = batch.rows_.emplace_back();
    const detail::Made made = detail::make(*plan_, *resolved, state, maker, row);
    if (made == detail::Made::row) {
      batch.records_.push_back(static_cast<std::uint32_t>(i));
    } else {
      batch.rows_.pop_back();
      batch.ignored_ += made == detail::Made::ignored;
    }
  }
  batch.rows_read_ = static_cast<std::int64_t>(count + refused.size());
  if (!refused.empty()) std::ranges::stable_sort(batch.quarantined_, {}, &Rejected::line);
}

template <class Row>
std::vector<Assumption> Mapper<Row>::assumptions() const {
  return plan_->assumptions;
}

template <class Row>
const Mapping& Mapper<Row>::mapping() const {
  return plan_->mapping;
}

template <class Row>
Result<Reader<Row>> Reader<Row>::create(std::unique_ptr<RecordReader> records,
                                        const Mapping& mapping, const ShopSettings& shop) {
  ATTUNE_ASSIGN_OR_RETURN(auto mapper, Mapper<Row>::create(mapping, shop, *records));
  return Reader(std::move(records), std::move(mapper));
}

template <class Row>
Result<bool> Reader<Row>::next(Batch<Row>& batch) {
  RecordBatch& records = batch.spare_records();
  ATTUNE_ASSIGN_OR_RETURN(const bool more, records_->next(records));
  if (more) mapper_.map(std::move(records), records_->columns(), batch);
  return more;
}

template <class Row>
std::vector<Assumption> Reader<Row>::assumptions() const {
  std::vector<Assumption> all = records_->assumptions();
  const std::vector<Assumption> mapped = mapper_.assumptions();
  all.insert(all.end(), mapped.begin(), mapped.end());
  return all;
}

template class Batch<Event>;
template class Batch<ItemRow>;
template class Batch<CustomerRow>;
template class Mapper<Event>;
template class Mapper<ItemRow>;
template class Mapper<CustomerRow>;
template class Reader<Event>;
template class Reader<ItemRow>;
template class Reader<CustomerRow>;

}  // namespace attune::events
