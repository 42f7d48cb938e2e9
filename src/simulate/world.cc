#include "attune/simulate/world.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "attention.h"
#include "attune/base/hash.h"
#include "attune/base/text.h"
#include "chooser.h"
#include "emitter.h"
#include "record.h"
#include "season.h"
#include "visit.h"
#include "words.h"

namespace attune::simulate {
namespace {

constexpr std::int64_t kBetweenSessionsMinutes = 35;  // longer than any gap inside a session
constexpr double kCuriousVisitsPerDay = 0.35;         // between discovery and the first order
constexpr double kStaysSignedIn = 0.85;
constexpr double kSignsInToLook = 0.25;
constexpr double kVisitorReturns = 0.25;
constexpr double kBotBurst = 120;  // views, on average

std::uint64_t pair(std::int64_t high, std::int64_t low) {
  return static_cast<std::uint64_t>(high) << 24 | static_cast<std::uint64_t>(low);
}

}  // namespace

struct World::Parts {
  ShopParameters parameters;
  const Words& words;
  Season season;
  std::vector<Item> items;
  std::vector<CustomerState> customers;
  Chooser chooser;
  Currency home;
  Emitter emitter;
  std::optional<Attention> attention;     // of a world that answers messages
  std::vector<std::vector<Record>> days;  // records by the day of their time
  std::vector<Record> fresh;              // of the visit at hand
  WorldCounts counts;
  std::int64_t day = 0;
  std::int64_t orders_today = 0;
  std::int64_t visitors = 0;

  Parts(const ShopParameters& p, Season s, Currency home_currency, Currency foreign)
      : parameters(p),
        words(words_of(p.language)),
        season(std::move(s)),
        items(make_assortment(p)),
        chooser(items),
        home(home_currency),
        emitter(parameters, items, home_currency, foreign),
        days(static_cast<std::size_t>(p.days)) {}

  ShopDay shop() const {
    return {parameters, items, chooser, season.discount_percent(day), words.foreign_per_mille};
  }
  void begin_customers();
  void answer(const ReadMessage& message);
  void persuade(CustomerState& state, const CustomerTraits& traits, double delay_days);
  void say_consent(std::int64_t index, bool given, Purpose purpose, Timestamp time);
  void live(std::int64_t index);
  void acquire(std::int64_t index, const CustomerTraits& traits);
  void look_around(std::int64_t index, const CustomerTraits& traits, bool sign_up);
  void order(std::int64_t index, const CustomerTraits& traits, bool sign_up);
  Record arrive(std::int64_t index, const CustomerTraits& traits, Channel channel, Rng& random);
  Timestamp moment(std::span<const double> day_parts, Rng& random) const;
  void depart(CustomerState& state, Timestamp time);
  void receive_visitors();
  void visit_unknown(std::int64_t number, std::uint64_t serial);
  void add_bots();
  void file(const Record& record, bool begun);
};

Result<World> World::create(const ShopParameters& parameters) {
  return create(parameters, std::optional<ResponseParameters>());
}

Result<World> World::create(const ShopParameters& parameters, const ResponseParameters& responses) {
  ATTUNE_RETURN_IF_ERROR(validate(responses));
  return create(parameters, std::optional(responses));
}

Result<World> World::create(const ShopParameters& parameters,
                            std::optional<ResponseParameters> responses) {
  ATTUNE_RETURN_IF_ERROR(validate(parameters));
  const Words& words = words_of(parameters.language);
  ATTUNE_ASSIGN_OR_RETURN(Season season, Season::create(parameters, words));
  ATTUNE_ASSIGN_OR_RETURN(const Currency home, Currency::parse(words.currency));
  ATTUNE_ASSIGN_OR_RETURN(const Currency foreign, Currency::parse(words.foreign_currency));
  auto parts = std::make_unique<Parts>(parameters, std::move(season), home, foreign);
  if (responses) parts->attention.emplace(std::move(*responses));
  parts->begin_customers();
  return World(std::move(parts));
}

World::World(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
World::World(World&&) noexcept = default;
World& World::operator=(World&&) noexcept = default;
World::~World() = default;

std::int64_t World::day() const { return parts_->day; }
bool World::finished() const { return parts_->day >= parts_->parameters.days; }
Timestamp World::day_start(std::int64_t day) const { return parts_->season.day_start(day); }
const TimeZone& World::zone() const { return parts_->season.zone(); }
Currency World::currency() const { return parts_->home; }
const ShopParameters& World::parameters() const { return parts_->parameters; }
const std::vector<Item>& World::items() const { return parts_->items; }
const std::vector<CustomerState>& World::customers() const { return parts_->customers; }
const WorldCounts& World::counts() const { return parts_->counts; }

double World::purchase_clock(std::int64_t day, double price_sensitivity) const {
  return parts_->season.purchase_clock(day, price_sensitivity);
}

double World::category_season(int category, std::int64_t day) const {
  return parts_->season.category(category, day);
}

Status World::step_day(EventSink& sink) {
  Parts& p = *parts_;
  if (finished()) {
    return std::unexpected(failed_precondition(
        fmt::format("all {} days of this world are over; make one with more days", p.day)));
  }
  p.chooser.set_day(p.items, p.season, p.day);
  p.orders_today = 0;
  if (p.attention) {
    for (const ReadMessage& message : p.attention->read_on(p.day)) p.answer(message);
  }
  for (std::int64_t i = 0; i < std::ssize(p.customers); ++i) p.live(i);
  p.receive_visitors();
  p.add_bots();
  std::vector<Record> today = std::move(p.days[static_cast<std::size_t>(p.day)]);
  p.days[static_cast<std::size_t>(p.day)] = {};
  std::ranges::stable_sort(today, {}, &Record::time);
  ++p.day;
  for (const Record& record : today) {
    const int offset = p.season.zone().offset_minutes(record.time);
    ATTUNE_RETURN_IF_ERROR(sink.take(p.emitter.word(record, offset)));
  }
  return {};
}

Status World::deliver(std::span<const Delivery> messages) {
  Parts& p = *parts_;
  if (!p.attention)
    return std::unexpected(failed_precondition("this world does not answer messages"));
  std::vector<std::tuple<std::int64_t, std::size_t, std::int64_t>> read;
  for (const Delivery& message : messages) {
    const auto customer = customer_index(message.customer);
    if (!customer || *customer >= p.parameters.customers) {
      return std::unexpected(not_found(
          fmt::format("nobody in this world is called '{}'", attune::quoted(message.customer))));
    }
    ATTUNE_ASSIGN_OR_RETURN(const std::size_t treatment,
                            find_treatment(p.attention->parameters(), message.treatment));
    const std::int64_t day = p.season.day_of(message.time) + 1;
    if (day < p.day) {
      return std::unexpected(failed_precondition(
          fmt::format("a message of {} is read the day after, and that day was lived already; tell "
                      "of messages day by day",
                      format_iso(message.time))));
    }
    read.emplace_back(*customer, treatment, day);
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto [customer, treatment, day] = read[i];
    const std::string_view channel = messages[i].channel;
    const Purpose purpose = channel == "sms"    ? Purpose::sms
                            : channel == "push" ? Purpose::push
                                                : Purpose::email;
    p.attention->put(customer, treatment, purpose, day);
  }
  return {};
}

// What a message does, at the beginning of the day on which it is read.
void World::Parts::answer(const ReadMessage& message) {
  CustomerState& state = customers[static_cast<std::size_t>(message.customer)];
  if (state.stage == Stage::unborn || state.stage == Stage::curious) return;
  const CustomerTraits traits = make_customer(parameters, message.customer);
  const ResponseParameters& how = attention->parameters();
  const ResponseTraits response = make_response(parameters, how, message.customer, traits);
  Rng random(parameters.seed, "response",
             pair(message.customer, static_cast<std::int64_t>(message.number)));
  // Drawn in any case: whom a weak treatment persuades, a stronger one persuades too.
  const double persuaded = random.uniform(), delay = random.exponential(1);
  const double withdrawn = random.uniform();
  if (response.type == ResponseType::persuadable &&
      persuaded < how.treatments[message.treatment].persuades) {
    persuade(state, traits, delay * how.delay_days);
  }
  if (response.type == ResponseType::do_not_disturb) state.next_purchase += how.put_off_days;
  const bool allows = message.purpose != Purpose::email || state.consents;
  if (allows && message.recent > response.patience && withdrawn < how.withdraws)
    say_consent(message.customer, false, message.purpose, moment(traits.day_parts, random));
}

// An order is due so many days from this morning on, if none was due before.
void World::Parts::persuade(CustomerState& state, const CustomerTraits& traits, double delay_days) {
  const double due = season.purchase_clock(day, state.price_sensitivity) + delay_days;
  if (state.stage == Stage::gone) {
    state.stage = Stage::active;
    state.alive_until_micros = CustomerState::kForever;
    state.next_purchase = due;
    Rng random(parameters.seed, "comes back", pair(&state - customers.data(), state.visits));
    state.next_visit = season.visit_clock(day) + random.exponential(traits.browse_rate);
  }
  state.next_purchase = std::min(state.next_purchase, due);
}

void World::Parts::say_consent(std::int64_t index, bool given, Purpose purpose, Timestamp time) {
  if (purpose == Purpose::email) customers[static_cast<std::size_t>(index)].consents = given;
  Record record;
  record.type = given ? events::EventType::consent_given : events::EventType::consent_withdrawn;
  record.time = time;
  record.customer = index;
  record.named = true;
  record.purpose = purpose;
  file(record, true);
}

void World::Parts::begin_customers() {
  customers.resize(static_cast<std::size_t>(parameters.customers));
  for (std::int64_t i = 0; i < parameters.customers; ++i) {
    const CustomerTraits traits = make_customer(parameters, i);
    CustomerState& state = customers[static_cast<std::size_t>(i)];
    state.first_day = traits.discovered_day;
    state.acquired_day = traits.acquired_day;
    state.price_sensitivity = traits.tastes.price_sensitivity;
  }
}

// One customer's day.
void World::Parts::live(std::int64_t index) {
  CustomerState& state = customers[static_cast<std::size_t>(index)];
  if (state.stage == Stage::gone || day < state.first_day) return;
  const double visits_end = season.visit_clock(day + 1);
  if (state.stage == Stage::unborn) {
    Rng random(parameters.seed, "discovery", static_cast<std::uint64_t>(index));
    state.next_visit = season.visit_clock(day) + random.exponential(kCuriousVisitsPerDay);
    state.stage = Stage::curious;
  }
  const bool acquired_today = state.stage == Stage::curious && day >= state.acquired_day;
  const double purchases_end = season.purchase_clock(day + 1, state.price_sensitivity);
  if (!acquired_today && state.next_visit >= visits_end && state.next_purchase >= purchases_end) {
    return;
  }
  const CustomerTraits traits = make_customer(parameters, index);
  if (acquired_today) {
    acquire(index, traits);
    return;
  }
  while (state.stage != Stage::gone && state.next_purchase < purchases_end) {
    order(index, traits, false);
  }
  while (state.stage != Stage::gone && state.next_visit < visits_end) {
    look_around(index, traits, false);
  }
}

void World::Parts::acquire(std::int64_t index, const CustomerTraits& traits) {
  CustomerState& state = customers[static_cast<std::size_t>(index)];
  // The clocks of a known customer start with the next day.
  state.stage = Stage::active;
  state.next_visit = season.visit_clock(day + 1);
  if (traits.buys) {
    state.next_purchase = season.purchase_clock(day + 1, state.price_sensitivity);
    Rng random(parameters.seed, "first visit", static_cast<std::uint64_t>(index));
    state.next_visit += random.exponential(traits.browse_rate);
    order(index, traits, true);
  } else {
    look_around(index, traits, true);
  }
  if (!attention) return;
  if (!make_response(parameters, attention->parameters(), index, traits).consents) return;
  // Asked at the end of the visit in which they signed up.
  say_consent(index, true, Purpose::email,
              {state.busy_until_micros - kBetweenSessionsMinutes * kMicrosPerMinute});
}

// A moment of today, after what the customer did before.
Timestamp World::Parts::moment(std::span<const double> day_parts, Rng& random) const {
  const auto part = static_cast<std::int64_t>(random.categorical(day_parts));
  // Busier in the middle of a part than at its ends.
  const double hours = 6 * (static_cast<double>(part) + (random.uniform() + random.uniform()) / 2);
  const auto seconds = static_cast<std::int64_t>(hours * 3600);
  return {season.day_start(day).micros + seconds * kMicrosPerSecond};
}

Record World::Parts::arrive(std::int64_t index, const CustomerTraits& traits, Channel channel,
                            Rng& random) {
  CustomerState& state = customers[static_cast<std::size_t>(index)];
  Record first;
  first.customer = index;
  first.channel = channel;
  first.foreign = traits.pays_foreign;
  first.time = moment(traits.day_parts, random);
  if (channel == Channel::shop) {  // open from nine to nine
    const double hours = 9 + 6 * (random.uniform() + random.uniform());
    first.time.micros =
        season.day_start(day).micros + static_cast<std::int64_t>(hours * 3600) * kMicrosPerSecond;
  }
  if (first.time.micros <= state.busy_until_micros) {
    const auto pause = static_cast<std::int64_t>(random.exponential(1.0 / 1200));
    first.time.micros = state.busy_until_micros + pause * kMicrosPerSecond;
  }
  if (channel == Channel::shop) {
    first.named = state.stage == Stage::active && state.devices_known != 0;
    return first;
  }
  first.session = combine(parameters.seed, pair(index, state.visits));
  const bool known = (state.devices_known >> static_cast<int>(channel) & 1) != 0;
  first.named = known && random.chance(kStaysSignedIn);
  if (!first.named) first.anonymous = device_key(parameters, index, channel);
  return first;
}

void World::Parts::depart(CustomerState& state, Timestamp time) {
  state.busy_until_micros = time.micros + kBetweenSessionsMinutes * kMicrosPerMinute;
  ++state.visits;
  for (const Record& record : fresh) file(record, true);
  fresh.clear();
}

void World::Parts::look_around(std::int64_t index, const CustomerTraits& traits, bool sign_up) {
  CustomerState& state = customers[static_cast<std::size_t>(index)];
  Rng random(parameters.seed, "visit", pair(index, state.visits));
  std::array<double, kChannelCount> online = traits.channels;
  online[static_cast<std::size_t>(Channel::shop)] = 0;
  const auto channel = static_cast<Channel>(random.categorical(online));
  const Record first = arrive(index, traits, channel, random);
  Visit visit(shop(), traits.tastes, first, random, fresh);
  visit.browse(1);
  const bool may_sign_in = state.stage == Stage::active && !visit.named();
  if (sign_up || (may_sign_in && random.chance(kSignsInToLook))) {
    visit.sign_in(sign_up);
    state.devices_known |= static_cast<std::uint8_t>(1 << static_cast<int>(channel));
  }
  ++counts.sessions;
  depart(state, visit.now());
  const bool curious = state.stage == Stage::curious;
  state.next_visit += random.exponential(curious ? kCuriousVisitsPerDay : traits.browse_rate);
  if (!traits.buys && !sign_up && !curious && random.chance(traits.dropout)) {
    state.stage = Stage::gone;
    state.alive_until_micros = visit.now().micros;
  }
}

void World::Parts::order(std::int64_t index, const CustomerTraits& traits, bool sign_up) {
  CustomerState& state = customers[static_cast<std::size_t>(index)];
  Rng random(parameters.seed, "visit", pair(index, state.visits));
  const auto channel = static_cast<Channel>(random.categorical(traits.channels));
  const Record first = arrive(index, traits, channel, random);
  const ShopDay today = shop();
  Visit visit(today, traits.tastes, first, random, fresh);
  const std::vector<OrderLine> lines = visit.fill_cart();
  if (!visit.named()) {
    visit.sign_in(sign_up);
    state.devices_known |= static_cast<std::uint8_t>(1 << static_cast<int>(channel));
  }
  const bool recorded = !random.chance(parameters.missing_share);
  const auto date = season.civil(day);
  const auto number = static_cast<std::uint64_t>(
      (date.year * 10'000 + date.month * 100 + date.day) * std::int64_t{1'000'000} +
      ++orders_today);
  visit.buy(lines, number, recorded);

  const auto bought = std::span(fresh).last(lines.size());
  std::vector<Record> later;
  follow_up(today, traits.tastes, bought, random, later);
  for (const Record& record : bought) {
    if (!record.foreign) state.spent_minor += record.price_minor * record.quantity;
  }
  for (const Record& record : later) file(record, false);
  depart(state, visit.now());
  state.next_purchase += random.exponential(traits.purchase_rate);
  if (!sign_up && random.chance(traits.dropout)) {
    state.stage = Stage::gone;
    state.alive_until_micros = visit.now().micros;
  }
  ++state.orders;
  state.orders_named += recorded ? 1 : 0;
  ++counts.orders;
  counts.orders_without_customer += recorded ? 0 : 1;
  counts.order_lines += std::ssize(lines);
  counts.sessions += channel == Channel::shop ? 0 : 1;
  counts.buying_sessions += channel == Channel::shop ? 0 : 1;
}

void World::Parts::receive_visitors() {
  const double expected = parameters.visitors_per_customer *
                          static_cast<double>(parameters.customers) *
                          (season.visit_clock(day + 1) - season.visit_clock(day));
  Rng random(parameters.seed, "visitors", static_cast<std::uint64_t>(day));
  const std::int64_t count = random.poisson(expected);
  for (std::int64_t i = 0; i < count; ++i) {
    const bool returns = visitors > 0 && random.chance(kVisitorReturns);
    const auto known = static_cast<std::uint64_t>(visitors);
    const std::int64_t number =
        returns ? static_cast<std::int64_t>(random.below(known)) : visitors++;
    visit_unknown(number, pair(day, i));
  }
}

void World::Parts::visit_unknown(std::int64_t number, std::uint64_t serial) {
  constexpr std::array<double, kDayPartCount> kHours = {.07, .23, .31, .39};
  constexpr std::array<double, kChannelCount> kOnline = {.66, .16, 0, .18};
  Rng person(parameters.seed, "visitor", static_cast<std::uint64_t>(number));
  const Tastes tastes = draw_tastes(parameters, person);
  Rng random(parameters.seed, "visitor session", serial);
  Record first;
  first.actor = Actor::visitor;
  first.channel = static_cast<Channel>(person.categorical(kOnline));
  first.time = moment(kHours, random);
  first.anonymous =
      combine(combine(parameters.seed, hash64("visitor")), static_cast<std::uint64_t>(number));
  first.session = combine(parameters.seed, std::uint64_t{1} << 63 | serial);
  Visit visit(shop(), tastes, first, random, fresh);
  visit.browse(.35);
  ++counts.sessions;
  for (const Record& record : fresh) file(record, true);
  fresh.clear();
}

// Bursts of views, as many as make `bot_share` of the day's rows on average.
void World::Parts::add_bots() {
  std::vector<Record>& today = days[static_cast<std::size_t>(day)];
  const double share = parameters.bot_share;
  const double expected = static_cast<double>(today.size()) * share / (1 - share);
  Rng random(parameters.seed, "bots", static_cast<std::uint64_t>(day));
  const std::int64_t bursts = random.poisson(expected / kBotBurst);
  const ShopDay now = shop();
  for (std::int64_t b = 0; b < bursts; ++b) {
    Record record;
    record.actor = Actor::bot;
    const std::uint64_t serial = pair(day, b);
    record.anonymous = combine(combine(parameters.seed, hash64("bot")), serial);
    record.session = combine(parameters.seed, std::uint64_t{3} << 62 | serial);
    record.time = {season.day_start(day).micros +
                   static_cast<std::int64_t>(random.below(85'000)) * kMicrosPerSecond};
    const auto views = static_cast<std::int64_t>(60 + random.below(121));
    std::uint64_t shelf = random.below(items.size());
    for (std::int64_t v = 0; v < views; ++v) {
      do shelf = (shelf + 1) % items.size();
      while (items[shelf].launch_day > day);
      record.item = static_cast<std::int32_t>(shelf);
      record.price_minor = (items[shelf].price_minor * (100 - now.discount_percent) + 50) / 100;
      today.push_back(record);
      record.time.micros += static_cast<std::int64_t>(random.below(3)) * kMicrosPerSecond;
    }
  }
}

// `begun`: part of a visit, told to its end even past the window.
void World::Parts::file(const Record& record, bool begun) {
  std::int64_t at = std::max(day, season.day_of(record.time));
  if (at >= parameters.days) {
    if (!begun) return;
    at = parameters.days - 1;
  }
  days[static_cast<std::size_t>(at)].push_back(record);
}

}  // namespace attune::simulate
