// A shop with known truth that lives day by day. Answers: what would these customers do today?
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/events/event.h"
#include "attune/simulate/assortment.h"
#include "attune/simulate/customer.h"
#include "attune/simulate/response.h"
#include "attune/simulate/shop_parameters.h"

namespace attune::simulate {

enum class Actor : std::uint8_t { customer, visitor, bot };

// One event, and who was really behind it. Views hold until the next call.
struct SimulatedEvent {
  events::Event event;
  Actor actor = Actor::customer;
  std::int64_t customer =
      -1;  // index, also where `event` does not name the customer; -1 for visitors and bots
  std::int32_t item = -1;      // index; -1 when the event is about no item
  std::int32_t category = -1;  // of the item, or of the list that was looked at
};

// Receives the events of a day in the order of their times. An error stops the day.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual Status take(const SimulatedEvent& event) = 0;
};

enum class Stage : std::uint8_t { unborn, curious, active, gone };

// What changes about a customer as days pass. The season's clock runs faster on busy days: a
// purchase or visit happens when the clock reads its appointment, so whatever makes a customer buy
// sooner only moves the appointment.
struct CustomerState {
  static constexpr double kNever = std::numeric_limits<double>::infinity();
  static constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();
  double next_purchase = kNever;  // appointments on the season's clocks
  double next_visit = kNever;
  std::int64_t busy_until_micros =
      std::numeric_limits<std::int64_t>::min();  // UTC; sessions do not overlap
  std::int64_t alive_until_micros = kForever;    // UTC
  std::int64_t spent_minor = 0;  // what they paid in the shop's currency, refunds not taken off
  std::int32_t first_day = 0;    // nothing happens before
  std::int32_t acquired_day = 0;
  float price_sensitivity = 0;  // of the traits, for the clock
  std::uint32_t visits = 0;
  std::uint32_t orders = 0;
  std::uint32_t orders_named = 0;  // recorded with their customer
  Stage stage = Stage::unborn;
  std::uint8_t devices_known = 0;  // bit per channel: has said who they are there
  bool consents = false;           // to messages by e-mail, as they said last
};

// What happened so far, whatever the files will say of it. A session is online, of a person, not of
// a bot.
struct WorldCounts {
  std::int64_t sessions = 0;
  std::int64_t buying_sessions = 0;
  std::int64_t orders = 0;
  std::int64_t orders_without_customer = 0;
  std::int64_t order_lines = 0;
};

// Invariants: (1) events leave in the order of their times, and a session's events with at least a
// second between steps; (2) a refund, rating or review follows the purchase of its order and item
// by a day or more; (3) each visit draws from a stream keyed by (seed, customer, number of the
// visit), and each answer to a message from one keyed by (seed, customer, number of the message),
// so that what is done to one customer leaves all others as they were (but for the numbers that the
// shop gives to orders and events as they come); (4) a message changes nothing before the day after
// it was delivered, so what follows from it is later than it.
// Threads: one at a time. Memory: about 80 bytes a customer, and the events of a day and of pending
// refunds.
class World {
 public:
  // Errors: invalid_argument as `validate`; internal if the time zone table lacks the shop's zone.
  static Result<World> create(const ShopParameters& parameters);
  // A world that answers messages: customers say with their sign-up whether they allow e-mail, and
  // react to what is delivered. Where nothing is, they do as in a world without.
  static Result<World> create(const ShopParameters& parameters,
                              const ResponseParameters& responses);
  World(World&&) noexcept;
  World& operator=(World&&) noexcept;
  ~World();

  // Lives the next day and hands its events to `sink`. A session that has begun is finished, past
  // midnight if need be: these events belong to the next day, on the last day to itself.
  // Errors: failed_precondition once `finished`; whatever the sink says.
  Status step_day(EventSink& sink);

  // Tells what reached customers. It is read the day after: say so before that day is lived.
  // Errors: failed_precondition in a world without responses, or for a message that should have
  // been read on a day that was lived; not_found naming customer or treatment. Nothing is taken
  // then.
  Status deliver(std::span<const Delivery> messages);

  std::int64_t day() const;                     // the next to be lived, 0 at first
  bool finished() const;                        // `days` have been lived
  Timestamp day_start(std::int64_t day) const;  // midnight of the shop
  const TimeZone& zone() const;
  Currency currency() const;

  const ShopParameters& parameters() const;
  const std::vector<Item>& items() const;
  const std::vector<CustomerState>& customers() const;
  const WorldCounts& counts() const;

  // Reading of the season's clock for purchases at the start of a day, for a customer of this price
  // sensitivity.
  // Range: 0 <= day <= days.
  double purchase_clock(std::int64_t day, double price_sensitivity) const;
  // How much more than usual a category is wanted on a day; yearly mean 1.
  double category_season(int category, std::int64_t day) const;

 private:
  struct Parts;
  static Result<World> create(const ShopParameters& parameters,
                              std::optional<ResponseParameters> responses);
  explicit World(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace attune::simulate
