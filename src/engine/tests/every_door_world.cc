#include "every_door_world.h"

#include <algorithm>
#include <cmath>

#include "../campaign_lists.h"
#include "attune/engine/recommendations.h"

namespace attune::engine {
namespace {

using decide::Channel;
using events::EventType;

constexpr std::array kZones{"Europe/Berlin", "America/New_York", "Asia/Shanghai",
                            "Australia/Lord_Howe"};
constexpr std::array kChannels{Channel::email, Channel::webhook, Channel::on_page, Channel::file};
constexpr const char* kAboutEmail = R"({"purpose":"email"})";
constexpr std::int64_t kCost = 2;
constexpr double kHoldout = .3;
constexpr int kPerMonth = 3, kPerWeek = 2, kPerDay = 1;  // of the campaign, its channel, all
constexpr std::int64_t kLivesDays = 25;

std::int64_t day_of(std::int64_t micros, const TimeZone& zone) {
  const CivilTime at = zone.to_civil({micros});
  return days_from_civil(at.year, at.month, at.day);
}
// Weeks since Monday, 29 December 1969.
std::int64_t week_of(std::int64_t day) { return (day + 3 + 7'000'000) / 7; }

}  // namespace

EveryDoorWorld::EveryDoorWorld(const std::filesystem::path& folder, std::uint64_t seed,
                               int customers, TakenOut without)
    : random_(seed, "every door"),
      without_(without),
      clock_(Timestamp{0}),
      now_(utc_from_civil({2026, 3, 2, 10, 0, 0, 0}).micros) {
  clock_.set(now());
  std::filesystem::create_directories(folder);
  WorkspaceOptions options;
  options.create = true;
  options.clock = &clock_;
  {
    const Workspace made = Workspace::open(folder, options).value();
  }
  std::ofstream(folder / "attune.toml") << fmt::format(
      "time_zone = \"Europe/Berlin\"\n[consent]\nregion = \"country\"\n"
      "rules = [\"US:email=opt-out\"]\n[mail]\nhost = \"127.0.0.1\"\nport = {}\n"
      "security = \"none\"\ninner_network = true\nfrom = \"news@shop.example\"\n"
      "links = \"https://mail.shop.example\"\n[webhook]\nurl = \"http://127.0.0.1:{}/\"\n"
      "inner_network = true\nsecret_file = \"hook.secret\"\n",
      mail_.port(), hooks_.port());
  std::ofstream(folder / "hook.secret") << deliver::WebhookSecret::make().text() << "\n";
  std::filesystem::permissions(folder / "hook.secret", std::filesystem::perms::owner_read);
  std::filesystem::create_directories(folder / "templates" / "t");
  std::ofstream(folder / "templates" / "t" / "subject") << "Hello\n";
  std::ofstream(folder / "templates" / "t" / "text") << "Hello\n";
  workspace_.emplace(Workspace::open(folder, options).value());
  admit(customers);
  customers_.emplace(Customers::open(*workspace_, {}, quiet_).value());
  campaigns_.emplace(Campaigns::open(*workspace_).value());
  if (without_.gate) GateSeam::take_out(*campaigns_, *without_.gate);
  if (without_.check) GateSeam::take_out(*campaigns_, *without_.check);
  TrainRequest training;
  training.names = {"item_knn"};
  training.threads = 1;
  if (!train(*workspace_, training, quiet_)) complain("no model");
  serving_ = Serving::open(*workspace_).value();
  if (without_.personalisation) GateSeam::take_out(*serving_);
  workspace_->observe(
      [this](const AppliedEvents& applied) { return serving_->take_in(*workspace_, applied); });
  for (int i = 0; i < static_cast<int>(kChannels.size()); ++i) make_campaign();
}

void EveryDoorWorld::admit(int customers) {
  people_.resize(static_cast<std::size_t>(customers));
  by_person_.resize(people_.size());
  std::vector<events::Event> all;
  std::vector<std::array<events::Attribute, 3>> traits(people_.size());
  std::vector<std::string> items;
  for (int i = 0; i < 30; ++i) items.push_back(fmt::format("p{}", i));
  for (std::size_t i = 0; i < people_.size(); ++i) {
    Somebody& one = people_[i];
    one.id = fmt::format("c{}", i);
    if (!random_.chance(.05)) one.address = one.id + "@mail.example";
    one.country = random_.chance(.2) ? "US" : "DE";
    one.zone = kZones[random_.below(kZones.size())];
    one.buyer = random_.chance(.9);
    traits[i] = {
        events::Attribute{"country", one.country}, {"time_zone", one.zone}, {"email", one.address}};
    events::Event event;
    event.type = EventType::identify;
    event.time = now();
    event.customer = one.id;
    event.customer_attributes = std::span(traits[i]).first(one.address.empty() ? 2 : 3);
    all.push_back(event);
    event.customer_attributes = {};
    event.type = one.buyer ? EventType::purchase : EventType::view;
    event.item = items[random_.below(items.size())];
    if (one.buyer) event.price_minor = 500;
    event.currency = Currency::parse("EUR").value();
    all.push_back(event);
    event.item = items[random_.below(items.size())];
    all.push_back(event);
  }
  if (!workspace_->record(all)) complain("nobody was admitted");
  for (int i = 0; i < customers; ++i) {
    if (random_.chance(.75)) say(EventType::consent_given, i, kAboutEmail);
  }
  tell();
}

void EveryDoorWorld::say(EventType type, int customer, const char* properties) {
  events::Event& event = said_.emplace_back();
  event.type = type;
  event.time = now();
  event.customer = people_[static_cast<std::size_t>(customer)].id;
  event.properties = properties;
  Somebody& one = people_[static_cast<std::size_t>(customer)];
  if (type == EventType::message_complained || type == EventType::message_bounced)
    one.suppressed = true;
  if (type == EventType::message_bounced) return;  // says nothing of what the customer wants
  const bool personal = event.properties.find("personalisation") != event.properties.npos;
  (personal ? one.personalisation : one.email)
      .push_back({now_, ++order_, type == EventType::consent_given});
}

void EveryDoorWorld::tell() {
  if (const auto done = workspace_->record(said_); !done)
    complain("not recorded: " + done.error().message);
  said_.clear();
}

void EveryDoorWorld::make_campaign() {
  const std::size_t c = offered_.size();
  Offered one;
  one.name = fmt::format("campaign{}", c);
  one.channel = kChannels[c % kChannels.size()];
  one.begin = now_ - kMicrosPerHour;
  one.end = now_ + kLivesDays * kMicrosPerDay;
  const auto people = static_cast<std::int64_t>(people_.size());
  one.messages = people / 2 + static_cast<std::int64_t>(random_.below(30));
  one.money = random_.chance(.5) ? people : 100 * people;
  const bool by_outbox = one.channel == Channel::webhook || one.channel == Channel::file;
  const std::string text = fmt::format(
      "name = \"{}\"\nrule = \"monetary_cents > 0\"\nchannel = \"{}\"\n{}currency = \"EUR\"\n"
      "[schedule]\nstart = {}\nend = {}\nrepeat = \"daily\"\nat = \"{:02}:00\"\n"
      "[holdout]\nshare = {}\n"
      "[[treatments]]\nname = \"a\"\nshare = 0.5\ncost = 0.02\ncontent = \"t\"\n"
      "[[treatments]]\nname = \"b\"\nshare = 0.5\ncost = 0.02\ncontent = \"t\"\n"
      "[[caps]]\nscope = \"campaign\"\nperiod = \"month\"\nlimit = {}\n"
      "[[caps]]\nscope = \"channel\"\nperiod = \"week\"\nlimit = {}\n"
      "[[caps]]\nscope = \"all\"\nperiod = \"day\"\nlimit = {}\n"
      "[quiet_hours]\nfrom = \"21:00\"\nto = \"08:30\"\n"
      "[budget]\nmoney = {}.{:02}\nmessages = {}\n"
      "[outcome]\nevent = \"purchase\"\ndays = 7\n",
      one.name, decide::name(one.channel), by_outbox ? "purpose = \"email\"\n" : "",
      format_iso({one.begin}), format_iso({one.end}), random_.below(24), kHoldout, kPerMonth,
      kPerWeek, kPerDay, one.money / 100, one.money % 100, one.messages);
  const auto campaign = shop().check(text, one.name, *customers_);
  if (!campaign) return complain(campaign.error().message);
  const auto saved = shop().save(*campaign, now(), "test");
  const auto started = shop().start(one.name, *customers_, now(), "test");
  if (!saved || !started) return complain("campaign not started");
  one.number = started->number;
  one.begin = started->campaign.schedule.start.micros;
  one.end = started->campaign.schedule.end.micros;
  offered_.push_back(std::move(one));
}

void EveryDoorWorld::round() {
  change_minds();
  move_clock();
  change_campaigns();
  run_campaigns();
  if (random_.chance(.5)) change_minds();
  if (random_.chance(.5)) move_clock();
  hand_over();
  ask_offers();
  ask_recommendations();
}

void EveryDoorWorld::change_minds() {
  const std::size_t changes = 1 + people_.size() / 100;
  for (std::size_t k = 0; k < changes; ++k) {
    const int i = static_cast<int>(random_.below(people_.size()));
    const bool given = random_.chance(.5);
    say(given ? EventType::consent_given : EventType::consent_withdrawn, i,
        random_.chance(.6) ? kAboutEmail : R"({"purpose":"personalisation"})");
    if (!random_.chance(.05)) continue;
    const int unlucky = somebody_waiting();
    if (people_[static_cast<std::size_t>(unlucky)].address.empty()) continue;
    say(random_.chance(.5) ? EventType::message_complained : EventType::message_bounced, unlucky,
        kAboutEmail);
  }
  tell();
}

// What comes between a decision and its hand-over matters most.
int EveryDoorWorld::somebody_waiting() {
  std::vector<int> waiting;
  for (const auto& [key, message] : written_) {
    if (message.by_outbox && message.handed == 0 && !message.taken_back)
      waiting.push_back(message.customer);
  }
  return waiting.empty() ? static_cast<int>(random_.below(people_.size()))
                         : waiting[random_.below(waiting.size())];
}

void EveryDoorWorld::move_clock() {
  if (random_.chance(.1)) {  // set back or forward, by up to three weeks
    now_ += (static_cast<std::int64_t>(random_.below(42)) - 21) * kMicrosPerDay;
  } else {
    now_ += static_cast<std::int64_t>(random_.below(40 * 60)) * kMicrosPerMinute;
  }
  now_ += 1 + static_cast<std::int64_t>(random_.below(kMicrosPerMinute));
  clock_.set(now());
}

void EveryDoorWorld::change_campaigns() {
  for (std::size_t c = 0; c < offered_.size(); ++c) {
    Offered& one = offered_[c];
    if (one.done) continue;
    const auto stored = shop().find(one.name).value();
    if (stored.state == engage::CampaignState::done) {
      one.done = true;
      make_campaign();
      continue;
    }
    if (!random_.chance(.1)) continue;
    const auto changed =
        one.paused ? shop().resume(one.name, now(), "test") : shop().pause(one.name, now(), "test");
    if (changed) one.paused = !one.paused;
  }
}

// By name, so that one whose end came while the clock jumped is asked too.
void EveryDoorWorld::run_campaigns() {
  for (std::size_t c = 0; c < offered_.size(); ++c) {
    Offered& one = offered_[c];
    if (one.done || one.paused || one.channel == Channel::on_page) continue;
    ++now_;
    const auto ran = shop().run(one.name, *customers_, now(), quiet_);
    if (!ran) {
      complain(one.name + " did not run: " + ran.error().message);
    } else if (*ran) {
      seen_.runs += (*ran)->counts.counts.customers();
      note_run(c, now_);
    }
  }
}

// Whom the books say were written to: in their order.
void EveryDoorWorld::note_run(std::size_t c, std::int64_t at) {
  Offered& one = offered_[c];
  std::map<std::int64_t, std::string> keys;  // by customer
  {
    auto rows = workspace_->state().prepare("SELECT customer, key FROM outbox WHERE created = ?1");
    rows->bind_all(at);
    while (rows->step().value()) keys[rows->int64(0)] = rows->text(1);
  }
  std::vector<std::int64_t> numbers;
  {
    auto rows = workspace_->state().prepare(
        "SELECT customer FROM contacts WHERE campaign = ?1 AND time = ?2 ORDER BY customer");
    rows->bind_all(one.number, at);
    while (rows->step().value()) numbers.push_back(rows->int64(0));
  }
  for (const std::int64_t number : numbers) {
    const std::string id = workspace_->identity().label({number}).value();
    const int customer = std::stoi(id.substr(1));
    const std::string broken = broken_by_decision(c, customer);
    if (!broken.empty()) complain(fmt::format("{} decided for {} {}", one.name, id, broken));
    ++seen_.sent_by_runs;
    one.used += 1;
    one.spent += kCost;
    if (one.used > one.messages || one.spent > one.money) complain(one.name + " is overspent");
    const bool by_outbox = one.channel != Channel::file;
    const auto key = keys.find(number);
    if (by_outbox && key == keys.end()) {
      complain("no message for a decision");
      continue;
    }
    const auto [at_row, fresh] =
        written_.try_emplace(by_outbox ? key->second : fmt::format("{} {} {}", one.name, id, at),
                             Written{c, customer, at, by_outbox ? 0 : at, false, by_outbox});
    by_person_[static_cast<std::size_t>(customer)].push_back(&at_row->second);
  }
}

void EveryDoorWorld::hand_over() {
  ++now_;
  clock_.set(now());
  const auto sent = shop().send_due(now());
  if (!sent) return complain("nothing was sent: " + sent.error().message);
  for (const std::string& trouble : sent->troubles) complain(trouble);
  seen_.hand_overs += sent->settled() + sent->postponed;
  const auto arrived = [&](const std::string& key, std::int64_t& counter) {
    const auto found = written_.find(key);
    if (found == written_.end()) return complain("a message that nobody decided: " + key);
    Written& message = found->second;
    ++counter;
    if (message.handed != 0) complain("twice: " + key);
    const std::string broken = broken_by_hand_over(message);
    if (!broken.empty())
      complain(fmt::format("{} handed over to c{} {}", offered_[message.campaign].name,
                           message.customer, broken));
    message.handed = now_;
  };
  const auto mails = mail_.messages();
  for (; mails_read_ < mails.size(); ++mails_read_) {
    const std::size_t at = mails[mails_read_].find("Message-ID: <") + 13;
    arrived(mails[mails_read_].substr(at, mails[mails_read_].find('@', at) - at), seen_.mails);
  }
  const auto posts = hooks_.posts();
  for (; hooks_read_ < posts.size(); ++hooks_read_)
    arrived(posts[hooks_read_].header("webhook-id"), seen_.webhooks);
  auto rows = workspace_->state().prepare("SELECT key FROM outbox WHERE state IN (4, 6)");
  while (rows->step().value()) {
    const auto found = written_.find(std::string(rows->text(0)));
    if (found == written_.end() || std::exchange(found->second.taken_back, true)) continue;
    ++seen_.held_back;
    Offered& one = offered_[found->second.campaign];
    one.used -= 1;
    one.spent -= kCost;
  }
}

void EveryDoorWorld::ask_offers() {
  for (std::size_t k = 0; k < 1 + people_.size() / 50; ++k) {
    ++now_;
    clock_.set(now());
    const int customer = static_cast<int>(random_.below(people_.size()));
    const std::string id = fmt::format("c{}", customer);
    const auto answer = shop().offers({.customer = id, .count = 2}, *customers_, now());
    if (!answer) {
      complain("no answer: " + answer.error().message);
      continue;
    }
    seen_.offers += static_cast<std::int64_t>(answer->offers.size() + answer->not_offered.size());
    for (const Offer& offer : answer->offers) {
      const auto found = std::ranges::find(offered_, offer.campaign, &Offered::name);
      const auto c = static_cast<std::size_t>(found - offered_.begin());
      const std::string broken = broken_by_decision(c, customer);
      if (!broken.empty()) complain(fmt::format("{} offered to {} {}", found->name, id, broken));
      ++seen_.offered;
      found->used += 1;
      found->spent += kCost;
      if (found->used > found->messages || found->spent > found->money)
        complain(found->name + " is overspent");
      const auto [row, fresh] =
          written_.try_emplace(offer.id, Written{c, customer, now_, now_, false, false});
      by_person_[static_cast<std::size_t>(customer)].push_back(&row->second);
    }
  }
}

void EveryDoorWorld::ask_recommendations() {
  for (std::size_t k = 0; k < 1 + people_.size() / 20; ++k) {
    const int customer = static_cast<int>(random_.below(people_.size()));
    ServeRequest request;
    request.customer = fmt::format("c{}", customer);
    request.count = 3;
    const auto served = serving_->recommend(request);
    if (!served) {
      complain("no list: " + served.error().message);
      continue;
    }
    ++seen_.recommendations;
    if (served->decision.personal && !allowed(customer, Channel::on_page))
      complain(request.customer + " got a personal list against consent");
  }
}

bool EveryDoorWorld::allowed(int customer, Channel channel) const {
  const Somebody& one = people_[static_cast<std::size_t>(customer)];
  const bool on_page = channel == Channel::on_page;
  const std::vector<Word>& words = on_page ? one.personalisation : one.email;
  if (words.empty()) return on_page || one.country == "US";
  return std::ranges::max(words, {}, [](const Word& w) { return std::pair(w.micros, w.order); })
      .given;
}

bool EveryDoorWorld::quiet(int customer) const {
  const CivilTime at =
      TimeZone::find(people_[static_cast<std::size_t>(customer)].zone)->to_civil(now());
  return at.hour >= 21 || at.hour < 8 || (at.hour == 8 && at.minute < 30);
}

// Counted by the names of the periods that messages lie in, or come after. `but`: at its hand-over,
// when what was handed over counts; else what was decided does.
bool EveryDoorWorld::too_many(std::size_t c, int customer, const Written* but) const {
  const TimeZone& zone = workspace_->zone();
  const std::int64_t day = day_of(now_, zone);
  const CivilTime today = zone.to_civil(now());
  int of_campaign = 0, of_channel = 0, of_all = 0;
  for (const Written* one : by_person_[static_cast<std::size_t>(customer)]) {
    if (one == but || one->taken_back) continue;
    const std::int64_t at = but != nullptr ? one->handed : one->micros;
    if (at == 0) continue;
    const std::int64_t that = day_of(at, zone);
    const CivilTime then = zone.to_civil({at});
    const bool month = then.year * 12 + then.month >= today.year * 12 + today.month;
    of_campaign += month && one->campaign == c ? 1 : 0;
    of_channel +=
        week_of(that) >= week_of(day) && offered_[one->campaign].channel == offered_[c].channel ? 1
                                                                                                : 0;
    of_all += that >= day ? 1 : 0;
  }
  return of_campaign >= kPerMonth || of_channel >= kPerWeek || of_all >= kPerDay;
}

std::string EveryDoorWorld::broken_by_decision(std::size_t c, int customer) const {
  const Offered& one = offered_[c];
  const Somebody& who = people_[static_cast<std::size_t>(customer)];
  if (!allowed(customer, one.channel)) return "against consent";
  if (who.suppressed) return "against the suppression list";
  if (now_ < one.begin || now_ >= one.end) return "outside of its time";
  if (!who.buyer) return "outside of the audience";
  if (one.channel == Channel::email && who.address.empty()) return "without an address";
  if (one.paused) return "while it is paused";
  if (too_many(c, customer, nullptr)) return "against caps";
  if (quiet(customer)) return "in quiet hours";
  return {};
}

std::string EveryDoorWorld::broken_by_hand_over(const Written& message) const {
  const Offered& one = offered_[message.campaign];
  const Somebody& who = people_[static_cast<std::size_t>(message.customer)];
  if (!allowed(message.customer, one.channel)) return "against consent";
  if (who.suppressed) return "against the suppression list";
  if (now_ < one.begin || now_ > one.end) return "outside of its time";
  if (one.paused) return "while it is paused";
  if (too_many(message.campaign, message.customer, &message)) return "against caps";
  if (quiet(message.customer)) return "in quiet hours";
  return {};
}

void EveryDoorWorld::close() {
  if (const auto pumped = shop().pump(); !pumped) complain(pumped.error().message);
  auto ledger = ledger::BudgetLedger::open(workspace_->state()).value();
  if (const auto books = ledger.check(); !books) complain(books.error().message);
  for (Offered& one : offered_) {
    const auto balances = ledger.balances(budget_name(one.name));
    if (balances && (balances->reserved.messages + balances->spent.messages != one.used ||
                     balances->reserved.money_minor + balances->spent.money_minor != one.spent))
      complain(one.name + ": the books count other messages than were sent");
    std::map<std::int64_t, bool> held;
    const auto read = for_each_assignment(
        *workspace_, one.name, Timestamp{INT64_MIN},
        [&](CustomerNumber number, const decide::CampaignDecision& decision) -> Status {
          const bool is_held = *decision.group == decide::kHeldOut;
          const auto [first, fresh] = held.emplace(number.value, is_held);
          if (first->second != is_held) complain(one.name + ": somebody moved between groups");
          if (is_held && decision.choice) complain(one.name + " sent to a held-out customer");
          return {};
        });
    if (!read) complain(read.error().message);
    const auto all = static_cast<double>(held.size());
    const auto out =
        static_cast<double>(std::ranges::count(held, true, [](const auto& h) { return h.second; }));
    if (std::abs(out - kHoldout * all) > 6 * std::sqrt(all * kHoldout * (1 - kHoldout)))
      complain(fmt::format("{}: {} of {} are held out", one.name, out, all));
  }
}

void EveryDoorWorld::complain(const std::string& what) {
  if (complaints_.size() < 100)
    complaints_.push_back(fmt::format("at {}: {}", format_iso(now()), what));
}

}  // namespace attune::engine
