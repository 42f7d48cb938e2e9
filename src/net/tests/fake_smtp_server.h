// A mail server that follows a script: what it answers at each step, and where it dies.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "loopback.h"

namespace attune::net::testing {

enum class Step { greeting, ehlo, mail, rcpt, data, body, end };

struct Script {
  std::map<Step, std::string> answers;  // instead of the usual one, without its line end
  enum class Death { none, before, after, in_answer, reset } death = Death::none;
  Step where = Step::greeting;  // body: after `body_bytes` of the message
  std::size_t body_bytes = 0;
  int deaths = 1'000'000;  // how often it dies
};

class FakeSmtpServer {
 public:
  explicit FakeSmtpServer(Script script = {})
      : script_(std::move(script)), server_([this](Wire& wire) { talk(wire); }) {}

  int port() const { return server_.port(); }
  int connections() const { return server_.connections(); }
  // Messages whose end arrived, as they came on the wire (dots doubled), whatever was answered.
  std::vector<std::string> messages() {
    const std::scoped_lock lock(mutex_);
    return messages_;
  }
  std::vector<std::string> recipients() {
    const std::scoped_lock lock(mutex_);
    return recipients_;
  }
  void set(Script script) {
    const std::scoped_lock lock(mutex_);
    script_ = std::move(script);
  }

 private:
  // False: the connection is over.
  bool answer(Wire& wire, Step step, std::string usual) {
    const std::scoped_lock lock(mutex_);
    const bool dies =
        script_.death != Script::Death::none && script_.where == step && script_.deaths > 0;
    if (dies) --script_.deaths;
    if (const auto found = script_.answers.find(step); found != script_.answers.end())
      usual = found->second;
    if (dies && script_.death == Script::Death::before) return false;
    if (dies && script_.death == Script::Death::reset) {
      wire.abort();
      return false;
    }
    if (dies && script_.death == Script::Death::in_answer) {
      wire.say(usual.substr(0, 2));
      return false;
    }
    if (!wire.say(usual + "\r\n")) return false;
    return !dies && !usual.starts_with("421");
  }
  bool dies_in_body(Wire& wire) {
    const std::scoped_lock lock(mutex_);
    if (script_.death == Script::Death::none || script_.where != Step::body) return false;
    wire.hear_bytes(script_.body_bytes);
    wire.abort();
    return true;
  }

  void talk(Wire& wire) {
    if (!answer(wire, Step::greeting, "220 fake ready")) return;
    while (true) {
      const std::string line = wire.hear_until("\r\n");
      if (line.empty()) return;
      bool open = true;
      if (line.starts_with("EHLO")) {
        open = answer(wire, Step::ehlo, "250-fake\r\n250 SIZE 1000000");
      } else if (line.starts_with("MAIL")) {
        open = answer(wire, Step::mail, "250 sender fine");
      } else if (line.starts_with("RCPT")) {
        {
          const std::scoped_lock lock(mutex_);
          recipients_.push_back(line.substr(9, line.find('>') - 9));
        }
        open = answer(wire, Step::rcpt, "250 recipient fine");
      } else if (line.starts_with("DATA")) {
        open = answer(wire, Step::data, "354 go on") && take_body(wire);
      } else if (line.starts_with("QUIT")) {
        wire.say("221 bye\r\n");
        return;
      } else {
        open = wire.say("250 fine\r\n");
      }
      if (!open) return;
    }
  }
  bool take_body(Wire& wire) {
    if (dies_in_body(wire)) return false;
    {
      const std::scoped_lock lock(mutex_);
      const auto refused = script_.answers.find(Step::data);
      if (refused != script_.answers.end() && !refused->second.starts_with("3")) return true;
    }
    std::string message = wire.hear_until("\r\n.\r\n");
    if (!message.ends_with("\r\n.\r\n")) return false;
    message.resize(message.size() - 3);
    {
      const std::scoped_lock lock(mutex_);
      messages_.push_back(std::move(message));
    }
    return answer(wire, Step::end, "250 2.0.0 taken");
  }

  std::mutex mutex_;
  Script script_;
  std::vector<std::string> messages_;
  std::vector<std::string> recipients_;
  LoopbackServer server_;  // last: its thread uses what is above
};

}  // namespace attune::net::testing
