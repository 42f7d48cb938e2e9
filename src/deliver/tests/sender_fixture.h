// A folder with state, vault and outbox for tests, and ways out that follow a script.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "attune/deliver/outbox.h"
#include "attune/deliver/sender.h"

namespace attune::deliver::testing {

inline constexpr Timestamp kNow{1'795'324'200'000'000};

inline Timestamp after(double seconds, Timestamp from = kNow) {
  return {from.micros + static_cast<std::int64_t>(seconds * kMicrosPerSecond)};
}

inline Message mail(std::string key, std::int64_t customer = 1) {
  Message message;
  message.key = std::move(key);
  message.provider = "relay";
  message.customer = {customer};
  message.campaign = "spring";
  message.treatment = "a";
  message.content = "offer";
  message.due = kNow;
  message.address = "ann@mail.example";
  message.fields.texts["name"] = "Ann";
  message.fields.lists["items"] = {{{"title", "Tea"}}, {{"title", "茶"}}};
  return message;
}

inline Message hook(std::string key, std::int64_t customer = 1) {
  Message message = mail(std::move(key), customer);
  message.channel = Channel::webhook;
  message.provider = "shop-hook";
  message.address.clear();
  message.fields = {};
  message.body = R"({"type":"message_sent"})";
  return message;
}

inline net::SmtpOutcome outcome(net::HandOver what, int code = 250,
                                net::SmtpStage stage = net::SmtpStage::answer) {
  return {.hand_over = what,
          .stage = stage,
          .code = code,
          .reply = "words of the server",
          .problem = "problem"};
}

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() {
    char pattern[] = "/tmp/attune-deliver-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    std::filesystem::create_directory(folder_ / "keys");
    vault_.emplace(store::Vault::open(folder_ / "keys").value());
    state_.emplace(store::State::open(file()).value());
    outbox_.emplace(Outbox::open(*state_, *vault_).value());
  }
  ~OutboxTest() override {
    outbox_.reset();
    state_.reset();
    vault_.reset();
    std::filesystem::remove_all(folder_);
  }
  std::filesystem::path file() const { return folder_ / "state.sqlite"; }

  AddedMessages add(const Message& message) {
    return outbox_->add(std::span(&message, 1), kNow).value();
  }
  MessageStatus found(std::string_view key) { return outbox_->find(key).value().value(); }
  std::string state_of(std::string_view key) { return std::string(name(found(key).state)); }
  std::int64_t count(std::string_view sql) { return state_->find_int64(sql).value().value_or(0); }

  std::filesystem::path folder_;
  std::optional<store::Vault> vault_;
  std::optional<store::State> state_;
  std::optional<Outbox> outbox_;
};

class SenderTest : public OutboxTest {
 protected:
  SenderOptions options() {
    SenderOptions options;
    options.state_file = file();
    options.mail.push_back(
        {.name = "relay",
         .hand_over = [this](const net::SmtpMessage& letter) -> Result<net::SmtpOutcome> {
           return hand_over(letter);
         },
         .rate = {},
         .retry = {.attempts_max = 3}});
    options.webhooks.push_back(
        {.name = "shop-hook",
         .url = "https://shop.example/hook",
         .secrets = {WebhookSecret::make()},
         .post = [this](const net::HttpRequest& request) -> Result<net::HttpAnswer> {
           posted_.push_back(request);
           if (post_error_) return std::unexpected(*post_error_);
           net::HttpAnswer answer;
           answer.status = post_status_;
           answer.headers = post_headers_;
           return answer;
         },
         .rate = {},
         .retry = {.attempts_max = 3}});
    options.hooks.gate = [this](const Message& message, Timestamp) -> Result<GateAnswer> {
      asked_.push_back(message.key);
      if (on_gate_) on_gate_(message);
      if (gate_error_) return std::unexpected(*gate_error_);
      return gate_;
    };
    options.hooks.write_letter = [this](const Message& message, Timestamp) -> Result<Letter> {
      if (letter_error_) return std::unexpected(*letter_error_);
      return Letter{"news@shop.example", message.address, "Subject: " + message.key + "\r\n"};
    };
    return options;
  }
  Sender open() { return Sender::open(options(), *vault_, kNow).value(); }
  net::SmtpOutcome hand_over(const net::SmtpMessage& letter) {
    if (on_hand_over_) on_hand_over_(letter);
    const std::string key(letter.bytes.substr(9, letter.bytes.size() - 11));
    ++handed_[key];
    order_.push_back(key);
    return outcome_;
  }

  net::SmtpOutcome outcome_ = outcome(net::HandOver::accepted);
  GateAnswer gate_;
  std::optional<Error> gate_error_;
  std::optional<Error> letter_error_;
  std::function<void(const net::SmtpMessage&)> on_hand_over_;
  std::function<void(const Message&)> on_gate_;
  std::vector<std::string> asked_;
  std::map<std::string, int> handed_;  // how often a message was given to the server
  std::vector<std::string> order_;
  std::vector<net::HttpRequest> posted_;
  int post_status_ = 204;
  std::vector<net::HttpHeader> post_headers_;
  std::optional<Error> post_error_;
};

}  // namespace attune::deliver::testing
