// A whole shop in a random world: consent comes and goes, clocks jump, addresses complain,
// campaigns begin, pause and end; and a referee that knows nothing of the gates' code, who sees
// what comes out of every door: runs, mails and webhooks handed over, offers, recommendations.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "../../net/tests/fake_smtp_server.h"
#include "../gate_seam.h"
#include "attune/base/random.h"
#include "attune/engine/serving.h"
#include "hook_receiver.h"
#include "shop.h"

namespace attune::engine {

// What is taken out of the shop; at most one.
struct TakenOut {
  std::optional<decide::Gate> gate = {};
  std::optional<SendingCheck> check = {};
  bool personalisation = false;  // of recommendations
};

class EveryDoorWorld {
 public:
  EveryDoorWorld(const std::filesystem::path& folder, std::uint64_t seed, int customers,
                 TakenOut without);

  // Some days of the world: changes, runs, hand-overs, offers, recommendations.
  void round();
  // Books that add up, groups that never moved. At the end.
  void close();

  struct Seen {
    std::int64_t runs = 0, offers = 0, hand_overs = 0, recommendations = 0;  // decisions
    std::int64_t sent_by_runs = 0, offered = 0, mails = 0, webhooks = 0, held_back = 0;
    std::int64_t decisions() const { return runs + offers + hand_overs + recommendations; }
  };
  const Seen& seen() const { return seen_; }
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  struct Word {
    std::int64_t micros;
    std::int64_t order;
    bool given;
  };
  // A customer as the referee knows it.
  struct Somebody {
    std::string id, address, country, zone;
    std::vector<Word> email, personalisation;
    bool buyer = false, suppressed = false;
  };
  struct Written {
    std::size_t campaign = 0;
    int customer = 0;
    std::int64_t micros = 0;  // of the decision
    std::int64_t handed = 0;  // of the hand-over; 0: not yet
    bool taken_back = false;
    bool by_outbox = false;
  };
  struct Offered {
    std::string name;
    decide::Channel channel = decide::Channel::email;
    std::uint32_t number = 0;
    std::int64_t begin = 0, end = 0;
    std::int64_t money = 0, messages = 0;  // limits
    std::int64_t spent = 0, used = 0;
    bool paused = false, done = false;
  };

  void admit(int customers);
  void make_campaign();
  void change_minds();
  int somebody_waiting();
  void move_clock();
  void change_campaigns();
  void run_campaigns();
  void note_run(std::size_t campaign, std::int64_t at);
  void hand_over();
  void ask_offers();
  void ask_recommendations();
  // `properties`: a literal. Told to the shop, together, by tell.
  void say(events::EventType type, int customer, const char* properties);
  void tell();

  void complain(const std::string& what);
  // The rule that a message decided or handed over now would break; empty: none.
  std::string broken_by_decision(std::size_t campaign, int customer) const;
  std::string broken_by_hand_over(const Written& message) const;
  bool allowed(int customer, decide::Channel channel) const;
  bool quiet(int customer) const;
  bool too_many(std::size_t campaign, int customer, const Written* but) const;
  Timestamp now() const { return {now_}; }
  Campaigns& shop() { return *campaigns_; }

  Rng random_;
  TakenOut without_;
  FixedClock clock_;
  std::int64_t now_;
  std::int64_t order_ = 0;
  std::optional<Workspace> workspace_;
  std::optional<Customers> customers_;
  std::optional<Campaigns> campaigns_;
  std::unique_ptr<Serving> serving_;
  NoProgress quiet_;
  net::testing::FakeSmtpServer mail_;
  HookReceiver hooks_;
  std::size_t mails_read_ = 0, hooks_read_ = 0;
  std::vector<Somebody> people_;
  std::vector<events::Event> said_;
  std::vector<Offered> offered_;
  std::map<std::string, Written> written_;  // by the decision's id
  std::vector<std::vector<const Written*>> by_person_;
  Seen seen_;
  std::vector<std::string> complaints_;
};

}  // namespace attune::engine
