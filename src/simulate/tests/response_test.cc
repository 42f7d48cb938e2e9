#include "attune/simulate/response.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "attune/simulate/potential.h"
#include "attune/simulate/world.h"
#include "deviations.h"

namespace attune::simulate {
namespace {

constexpr std::int64_t kMessageDay = 60;

ShopParameters shop(std::int64_t customers, std::int64_t days = 80) {
  ShopParameters parameters;
  parameters.customers = customers;
  parameters.items = 60;
  parameters.days = days;
  parameters.visitors_per_customer = .02;
  parameters.seed = 11;
  return parameters;
}

ResponseType type_of(const ShopParameters& parameters, const ResponseParameters& responses,
                     std::int64_t customer) {
  return make_response(parameters, responses, customer, make_customer(parameters, customer)).type;
}

// What an event says, without the numbers that the shop gives to events and orders as they come.
struct Lived {
  std::int64_t micros;
  std::int64_t customer;
  int type;
  std::int32_t item;
  std::string session, text, properties;
  std::int64_t value;
  auto operator<=>(const Lived&) const = default;
};

class Diary final : public EventSink {
 public:
  Status take(const SimulatedEvent& e) override {
    if (e.actor == Actor::bot) return {};
    lived.push_back({e.event.time.micros, e.customer, static_cast<int>(e.event.type), e.item,
                     std::string(e.event.session), std::string(e.event.text),
                     std::string(e.event.properties), e.event.value_minor.value_or(0)});
    return {};
  }
  std::vector<Lived> of(std::int64_t customer) const {
    std::vector<Lived> own;
    std::ranges::copy_if(lived, std::back_inserter(own),
                         [&](const Lived& one) { return one.customer == customer; });
    return own;
  }
  std::vector<Lived> lived;
};

World create(const ShopParameters& parameters, const ResponseParameters& responses = {}) {
  auto world = World::create(parameters, responses);
  EXPECT_TRUE(world) << world.error().message;
  return std::move(world).value();
}

void live_until(World& world, std::int64_t day, EventSink& sink) {
  while (world.day() < day) ASSERT_TRUE(world.step_day(sink));
}

// Ten in the morning of the day.
Timestamp morning(const World& world, std::int64_t day) {
  return {world.day_start(day).micros + 10 * kMicrosPerHour};
}

// Everybody is assigned on the day of messages.
CampaignInWorld campaign(const ShopParameters& parameters,
                         const ResponseParameters& responses = {}) {
  const World world = create(parameters, responses);
  CampaignInWorld campaign;
  campaign.shop = parameters;
  campaign.responses = responses;
  for (std::int64_t i = 0; i < parameters.customers; ++i)
    campaign.assigned.push_back({customer_id(i), morning(world, kMessageDay)});
  return campaign;
}

TEST(Response, HasTheSharesThatItStates) {
  ShopParameters parameters = shop(20'000);
  parameters.browser_share = 0;
  const ResponseParameters responses;
  double persuadable = 0, disturbed = 0, expected = 0, variance = 0, consents = 0;
  for (std::int64_t i = 0; i < parameters.customers; ++i) {
    const CustomerTraits traits = make_customer(parameters, i);
    const ResponseTraits response = make_response(parameters, responses, i, traits);
    const double minds = static_cast<double>(traits.tastes.price_sensitivity) / .6;
    const double chance = std::min(1 - responses.do_not_disturb_share,
                                   responses.persuadable_share * (.5 + .5 * minds));
    expected += chance;
    variance += chance * (1 - chance);
    persuadable += response.type == ResponseType::persuadable;
    disturbed += response.type == ResponseType::do_not_disturb;
    consents += response.consents;
    const double usual = parameters.purchase_shape / parameters.purchase_scale_days;
    if (response.type == ResponseType::sure_thing) {
      EXPECT_GE(traits.purchase_rate, usual);
    } else if (response.type == ResponseType::lost_cause) {
      EXPECT_LT(traits.purchase_rate, usual);
    }
  }
  const auto n = static_cast<double>(parameters.customers);
  const auto near = [&](double count, double share) {
    EXPECT_NEAR(count, n * share, kDeviations * std::sqrt(n * share * (1 - share)));
  };
  EXPECT_NEAR(persuadable, expected, kDeviations * std::sqrt(variance));
  near(disturbed, responses.do_not_disturb_share);
  near(consents, responses.consent_share);
}

TEST(Response, OfWhoNeverBuysIsNothing) {
  ShopParameters parameters = shop(500);
  parameters.browser_share = 1;
  for (std::int64_t i = 0; i < parameters.customers; ++i)
    EXPECT_EQ(type_of(parameters, {}, i), ResponseType::lost_cause);
}

TEST(World, AnswersNothingWhereNothingIsSentButSaysConsent) {
  const ShopParameters parameters = shop(300);
  World plain = World::create(parameters).value();
  World answering = create(parameters);
  Diary without, with;
  live_until(plain, parameters.days, without);
  live_until(answering, parameters.days, with);
  std::int64_t consents = 0;
  std::erase_if(with.lived, [&](const Lived& one) {
    const bool consent = one.type == static_cast<int>(events::EventType::consent_given);
    consents += consent;
    return consent;
  });
  EXPECT_EQ(without.lived, with.lived);
  std::int64_t meant = 0;
  for (std::int64_t i = 0; i < parameters.customers; ++i) {
    if (answering.customers()[static_cast<std::size_t>(i)].stage < Stage::active) continue;
    meant += make_response(parameters, {}, i, make_customer(parameters, i)).consents;
  }
  EXPECT_EQ(consents, meant);
  EXPECT_GT(consents, 100);
}

// Whoever gets nothing lives as if nothing had been sent; who does lives so until the next day.
RC_GTEST_PROP(World, IsTheSameForAllWhoGotNothing, ()) {
  ShopParameters parameters = shop(24, 24);
  parameters.seed = *rc::gen::inRange<std::uint64_t>(0, 1000);
  World quiet = create(parameters), busy = create(parameters);
  Diary without, with;
  std::map<std::int64_t, std::int64_t> first_message;  // micros, by customer
  const std::vector<std::string> treatments{"newsletter", "reminder", "voucher"};
  while (!busy.finished()) {
    std::vector<std::string> ids;
    std::vector<std::size_t> chosen;
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
      const auto customer = *rc::gen::inRange<std::int64_t>(0, 12);  // the others get nothing
      ids.push_back(customer_id(customer));
      chosen.push_back(*rc::gen::inRange<std::size_t>(0, 3));
      first_message.try_emplace(customer, morning(busy, busy.day()).micros);
    }
    std::vector<Delivery> messages;
    for (std::size_t i = 0; i < ids.size(); ++i)
      messages.push_back({ids[i], treatments[chosen[i]], "email", morning(busy, busy.day())});
    RC_ASSERT(busy.deliver(messages).has_value());
    RC_ASSERT(busy.step_day(with).has_value());
    RC_ASSERT(quiet.step_day(without).has_value());
  }
  for (std::int64_t customer = 0; customer < parameters.customers; ++customer) {
    std::vector<Lived> one = without.of(customer), other = with.of(customer);
    if (const auto first = first_message.find(customer); first != first_message.end()) {
      const std::int64_t end =
          busy.day_start((first->second - busy.day_start(0).micros) / kMicrosPerDay + 1).micros;
      const auto later = [&](const Lived& lived) { return lived.micros >= end; };
      std::erase_if(one, later);
      std::erase_if(other, later);
    }
    RC_ASSERT(one == other);
  }
}

TEST(Potential, OutcomesAreThoseOfTheWorldThatHappens) {
  const ShopParameters parameters = shop(600);
  const CampaignInWorld all = campaign(parameters);
  const auto nobody = live_with(all, {}).value();
  const auto reminder = live_with(all, "reminder").value();
  const auto voucher = live_with(all, "voucher").value();

  World world = create(parameters);
  std::map<std::int64_t, Outcome> happened;
  std::set<std::string> orders;
  const std::int64_t sent = morning(world, kMessageDay).micros;
  class Purchases final : public EventSink {
   public:
    std::map<std::int64_t, Outcome>& into;
    std::set<std::string>& orders;
    std::int64_t sent;
    Purchases(std::map<std::int64_t, Outcome>& i, std::set<std::string>& o, std::int64_t s)
        : into(i), orders(o), sent(s) {}
    Status take(const SimulatedEvent& e) override {
      const std::int64_t since = e.event.time.micros - sent;
      if (e.event.type != events::EventType::purchase || since <= 0 || since > 14 * kMicrosPerDay)
        return {};
      into[e.customer].orders += orders.insert(std::string(e.event.order)).second;
      into[e.customer].revenue_minor += *e.event.value_minor;
      return {};
    }
  } purchases(happened, orders, sent);
  live_until(world, kMessageDay, purchases);
  std::vector<Delivery> messages;
  for (std::size_t i = 0; i < all.assigned.size(); ++i) {
    if (i % 3 == 0) continue;
    messages.push_back(
        {all.assigned[i].customer, i % 3 == 1 ? "reminder" : "voucher", "email", {sent}});
  }
  ASSERT_TRUE(world.deliver(messages));
  live_until(world, parameters.days, purchases);
  std::int64_t ordered = 0;
  for (std::size_t i = 0; i < all.assigned.size(); ++i) {
    const Outcome& meant = i % 3 == 0 ? nobody[i] : i % 3 == 1 ? reminder[i] : voucher[i];
    const Outcome& seen = happened[static_cast<std::int64_t>(i)];
    EXPECT_EQ(seen.orders, meant.orders) << i;
    EXPECT_EQ(seen.revenue_minor, meant.revenue_minor) << i;
    ordered += seen.orders;
  }
  EXPECT_GT(ordered, 50);
}

TEST(Potential, TypesRespondAsTheyAreCalled) {
  ShopParameters parameters = shop(3'000);
  ResponseParameters responses;
  const CampaignInWorld all = campaign(parameters, responses);
  const auto nobody = live_with(all, {}).value();
  const auto reminder = live_with(all, "reminder").value();
  const auto voucher = live_with(all, "voucher").value();
  std::int64_t moved = 0, moved_by_less = 0, put_off = 0;
  double sure = 0, sure_orders = 0, lost = 0, lost_orders = 0;
  for (std::size_t i = 0; i < nobody.size(); ++i) {
    const auto type = type_of(parameters, responses, static_cast<std::int64_t>(i));
    const std::int64_t more = voucher[i].orders - nobody[i].orders;
    if (type == ResponseType::sure_thing || type == ResponseType::lost_cause) {
      EXPECT_EQ(more, 0);
      EXPECT_EQ(voucher[i].revenue_minor, nobody[i].revenue_minor);
      const bool often = type == ResponseType::sure_thing;
      (often ? sure : lost) += 1;
      (often ? sure_orders : lost_orders) += static_cast<double>(nobody[i].orders);
    } else if (type == ResponseType::persuadable) {
      const bool by_voucher = voucher[i].orders > 0 && nobody[i].orders == 0;
      const bool by_reminder = reminder[i].orders > 0 && nobody[i].orders == 0;
      moved += by_voucher;
      moved_by_less += by_reminder;
      EXPECT_LE(by_reminder, by_voucher) << "whom a weak one persuades, a stronger one does too";
    } else {
      EXPECT_LE(voucher[i].orders > 0, nobody[i].orders > 0);
      put_off += nobody[i].orders > 0 && voucher[i].orders == 0;
    }
  }
  EXPECT_GT(moved, moved_by_less * 3 / 2) << "a voucher persuades twice as many";
  EXPECT_GT(moved_by_less, 20);
  EXPECT_GT(put_off, 3);
  EXPECT_GT(sure_orders / sure, 2 * lost_orders / lost);
}

// A persuadable who is known orders within the window with the chance of the treatment times that
// of a delay that short: the season's clock runs a little faster or slower than days.
TEST(Potential, PersuadesWithTheChanceThatItStates) {
  ShopParameters parameters = shop(6'000);
  parameters.browser_share = 0;
  parameters.sessions_per_day = 0;
  parameters.purchase_scale_days = 2'000;  // hardly anybody orders again unasked
  ResponseParameters responses;
  responses.persuadable_share = 1;
  responses.do_not_disturb_share = 0;
  CampaignInWorld all = campaign(parameters, responses);
  std::erase_if(all.assigned, [&](const AssignedCustomer& one) {
    const auto traits = make_customer(parameters, *customer_index(one.customer));
    const bool known = traits.acquired_day < kMessageDay;
    return !known || type_of(parameters, responses, *customer_index(one.customer)) !=
                         ResponseType::persuadable;
  });
  const auto effect = true_effects(all, std::vector<std::string>{"voucher"}).value().front();
  const auto n = static_cast<double>(effect.overall.customers);
  ASSERT_GT(n, 1'000);
  const double most = .5, least = .5 * (1 - std::exp(-10. / responses.delay_days));
  const double slack = kDeviations * std::sqrt(.25 / n);
  EXPECT_LT(effect.overall.conversion, most + slack);
  EXPECT_GT(effect.overall.conversion, least - slack - .03);
}

TEST(Potential, EffectsOfTypesAddUpToTheWhole) {
  const CampaignInWorld all = campaign(shop(800));
  const auto effects = true_effects(all, std::vector<std::string>{"reminder", "voucher"}).value();
  ASSERT_EQ(effects.size(), 2u);
  for (const TrueEffect& effect : effects) {
    double conversion = 0, revenue = 0;
    std::int64_t customers = 0;
    for (const EffectOnType& one : effect.by_type) {
      customers += one.customers;
      conversion += one.conversion * static_cast<double>(one.customers);
      revenue += one.revenue_minor * static_cast<double>(one.customers);
    }
    const auto n = static_cast<double>(customers);
    EXPECT_EQ(customers, effect.overall.customers);
    EXPECT_NEAR(effect.overall.conversion, conversion / n, 1e-12);
    EXPECT_NEAR(effect.overall.revenue_minor, revenue / n, 1e-6);
  }
  EXPECT_GT(effects[1].overall.conversion, effects[0].overall.conversion);
}

TEST(Potential, RefusesCustomersThatAreNotThereOrThereTwice) {
  CampaignInWorld twice = campaign(shop(50, 62));
  twice.assigned.push_back(twice.assigned.front());
  EXPECT_EQ(live_with(twice, {}).error().code, ErrorCode::invalid_argument);
  CampaignInWorld strange = campaign(shop(50, 62));
  strange.assigned[0].customer = "somebody";
  EXPECT_EQ(live_with(strange, {}).error().code, ErrorCode::not_found);
  EXPECT_EQ(live_with(campaign(shop(50, 62)), "leaflet").error().code, ErrorCode::not_found);
}

TEST(World, IsLeftByThoseWhomItPesters) {
  ShopParameters parameters = shop(400);
  World world = create(parameters);
  Diary diary;
  live_until(world, 40, diary);
  std::vector<std::string> ids;
  std::vector<std::int64_t> asked;
  for (std::int64_t i = 0; i < parameters.customers; ++i) {
    if (!world.customers()[static_cast<std::size_t>(i)].consents) continue;
    ids.push_back(customer_id(i));
    asked.push_back(i);
  }
  ASSERT_GT(ids.size(), 100u);
  // Half of them get a message a day, the others one in all.
  for (std::int64_t day = 40; day < 54; ++day) {
    std::vector<Delivery> messages;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (i % 2 == 0 || day == 40)
        messages.push_back({ids[i], "newsletter", "email", morning(world, day)});
    }
    ASSERT_TRUE(world.deliver(messages));
    ASSERT_TRUE(world.step_day(diary));
  }
  live_until(world, 60, diary);
  std::map<std::int64_t, int> withdrawals;
  for (const Lived& one : diary.lived) {
    if (one.type != static_cast<int>(events::EventType::consent_withdrawn)) continue;
    ++withdrawals[one.customer];
    EXPECT_EQ(one.properties, R"({"purpose":"email"})");
    EXPECT_GE(one.micros, world.day_start(41).micros);
  }
  std::int64_t pestered = 0, left_pestered = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const ResponseTraits response =
        make_response(parameters, {}, asked[i], make_customer(parameters, asked[i]));
    const int left = withdrawals.contains(asked[i]) ? withdrawals[asked[i]] : 0;
    EXPECT_LE(left, 1) << "who withdrew has nothing more to withdraw";
    EXPECT_EQ(left == 1, !world.customers()[static_cast<std::size_t>(asked[i])].consents);
    if (i % 2 == 1 && response.patience >= 1) {
      EXPECT_EQ(left, 0) << "one message is not too many";
    } else if (i % 2 == 0 && response.patience <= 8) {
      ++pestered;
      left_pestered += left;
    }
  }
  // Beyond patience each of at least six messages is answered so with a chance of .25: all of them
  // are not with one of .178.
  EXPECT_GT(static_cast<double>(left_pestered), .75 * static_cast<double>(pestered));
}

TEST(World, TakesNoMessagesThatItCannotPlace) {
  ShopParameters parameters = shop(30, 10);
  World plain = World::create(parameters).value();
  const std::string id = customer_id(3), beyond = customer_id(30);
  const auto told = [&](World& world, std::string_view customer, std::string_view treatment,
                        Timestamp time) {
    const std::vector<Delivery> messages{{id, "voucher", "email", world.day_start(8)},
                                         {customer, treatment, "email", time}};
    const Status status = world.deliver(messages);
    return status ? ErrorCode::internal : status.error().code;
  };
  EXPECT_EQ(told(plain, id, "voucher", plain.day_start(2)), ErrorCode::failed_precondition);
  World world = create(parameters);
  Diary diary;
  live_until(world, 3, diary);
  EXPECT_EQ(told(world, beyond, "voucher", world.day_start(8)), ErrorCode::not_found);
  EXPECT_EQ(told(world, "C0100001", "voucher", world.day_start(8)), ErrorCode::not_found);
  EXPECT_EQ(told(world, id, "vouchr", world.day_start(8)), ErrorCode::not_found);
  // Read on day 2, which is over; of day 2 it is read on day 3, which is next.
  EXPECT_EQ(told(world, id, "voucher", world.day_start(1)), ErrorCode::failed_precondition);
  EXPECT_EQ(told(world, id, "voucher", world.day_start(2)), ErrorCode::internal) << "taken";
}

TEST(Response, ParametersNameWhatIsWrong) {
  const ShopParameters parameters = shop(10, 5);
  ResponseParameters wrong;
  wrong.withdraws = 2;
  EXPECT_EQ(World::create(parameters, wrong).error().code, ErrorCode::invalid_argument);
  wrong = {};
  wrong.treatments = {{"a", .5}, {"a", .1}};
  EXPECT_EQ(World::create(parameters, wrong).error().code, ErrorCode::invalid_argument);
  wrong.treatments = {{"a", 1.5}};
  EXPECT_EQ(World::create(parameters, wrong).error().code, ErrorCode::invalid_argument);
  EXPECT_NE(find_treatment({}, "vouchr").error().message.find("voucher"), std::string::npos);
}

}  // namespace
}  // namespace attune::simulate
