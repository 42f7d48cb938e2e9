// Drives the sender of `deliver` from the outside: what claims and people use to try it against
// real servers.
//
//   attune_deliver_drive fill --folder F --rows rows.tsv            e-mails into the outbox
//   attune_deliver_drive fill --folder F --hooks rows.tsv           webhooks
//   attune_deliver_drive send --folder F --templates T --port 2525  until nothing is queued
//   attune_deliver_drive states --folder F                          "state key" a line
//   attune_deliver_drive sign | verify                              webhook signatures, a line each
//
// Rows are separated by tabs; the first names the columns: key, customer, address, then fields (of
// webhooks: key, customer, body).
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "attune/base/files.h"
#include "attune/deliver/mail_writer.h"
#include "attune/deliver/sender.h"

namespace {

using namespace attune;
using namespace attune::deliver;

struct Options {
  std::filesystem::path folder;
  std::string rows;
  std::string hooks;
  std::filesystem::path templates;
  int port = 0;
  std::string security = "none";
  std::string ca_file;
  std::string user;
  std::string password;
  std::string hook_url;
  std::string secret;
  double retry_seconds = 0.05;
  int retry_attempts = 8;
};

// Ends the program with the error of a result: there is nobody else to tell.
template <class T>
T value_of(Result<T> result) {
  if (result) return std::move(*result);
  std::cerr << to_string(result.error()) << '\n';
  std::exit(1);
}
void expect(const Status& status) {
  if (status) return;
  std::cerr << to_string(status.error()) << '\n';
  std::exit(1);
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells(1);
  for (const char c : line) {
    if (c == '\t') {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

struct Data {
  explicit Data(const std::filesystem::path& folder) : file(folder / "state.sqlite") {
    std::filesystem::create_directories(folder / "keys");
    vault.emplace(value_of(store::Vault::open(folder / "keys")));
    state.emplace(value_of(store::State::open(file)));
    outbox.emplace(value_of(Outbox::open(*state, *vault)));
  }
  std::filesystem::path file;
  std::optional<store::Vault> vault;
  std::optional<store::State> state;
  std::optional<Outbox> outbox;
};

Message message_of(const std::vector<std::string>& names, const std::vector<std::string>& cells,
                   Channel channel) {
  Message message;
  message.channel = channel;
  message.provider = channel == Channel::email ? "relay" : "hook";
  message.campaign = "spring";
  message.due = SystemClock().now();
  for (std::size_t i = 0; i < std::min(names.size(), cells.size()); ++i) {
    if (names[i] == "key") {
      message.key = cells[i];
    } else if (names[i] == "customer") {
      message.customer = {std::stoll(cells[i])};
    } else if (names[i] == "address") {
      message.address = cells[i];
    } else if (names[i] == "body") {
      message.body = cells[i];
    } else {
      message.fields.texts[names[i]] = cells[i];
    }
  }
  return message;
}

int fill(const Options& options) {
  Data data(options.folder);
  const Channel channel = options.hooks.empty() ? Channel::email : Channel::webhook;
  std::ifstream rows(options.hooks.empty() ? options.rows : options.hooks);
  std::string line;
  std::getline(rows, line);
  const std::vector<std::string> names = split(line);
  std::vector<Message> messages;
  while (std::getline(rows, line)) messages.push_back(message_of(names, split(line), channel));
  const AddedMessages added = value_of(data.outbox->add(messages, SystemClock().now()));
  fmt::print("{}\n", added.added);
  return 0;
}

Template template_of(const std::filesystem::path& path, TemplateKind kind) {
  return value_of(Template::parse(value_of(read_file(path)), kind, path.filename()));
}

// Everything a Sender needs to live.
struct Sending {
  explicit Sending(const Options& options) : data(options.folder) {
    signer.emplace(value_of(LinkSigner::open("0123456789abcdef0123456789abcdef")));
    SenderOptions how;
    how.state_file = data.file;
    const net::RetryPolicy retry{.attempts_max = options.retry_attempts,
                                 .first_seconds = options.retry_seconds,
                                 .factor = 2,
                                 .longest_seconds = 1};
    if (options.port != 0) add_mail(options, how, retry);
    if (!options.hook_url.empty()) {
      net::HttpOptions inner;
      inner.allow_inner_addresses = true;
      http.emplace(inner);
      how.webhooks.push_back(
          {.name = "hook",
           .url = options.hook_url,
           .secrets = {value_of(WebhookSecret::parse(options.secret))},
           .post = [this](const net::HttpRequest& one) { return http->send(one); },
           .rate = {},
           .retry = retry});
    }
    how.hooks.gate =
        consent_gate([](CustomerNumber, privacy::Purpose) { return Result<bool>(true); });
    sender.emplace(value_of(Sender::open(std::move(how), *data.vault, SystemClock().now())));
  }

  void add_mail(const Options& options, SenderOptions& how, const net::RetryPolicy& retry) {
    net::SmtpOptions server;
    server.host = options.ca_file.empty() ? "127.0.0.1" : "localhost";
    server.port = options.port;
    server.security = options.security == "tls"        ? net::SmtpSecurity::tls
                      : options.security == "starttls" ? net::SmtpSecurity::starttls
                                                       : net::SmtpSecurity::none;
    server.ca_file = options.ca_file;
    server.user = options.user;
    server.password = options.password;
    server.helo_name = "shop.example";
    server.allow_inner_addresses = true;
    smtp.emplace(value_of(net::SmtpClient::open(server)));
    writer.emplace(value_of(
        MailWriter::open({.from = {.name = "Tea & Co. 茶舍", .address = "news@shop.example"},
                          .reply_to = Mailbox{.name = "", .address = "help@shop.example"},
                          .envelope_from = "bounces@shop.example",
                          .links_base = "https://mail.shop.example",
                          .unsubscribe_address = "leave@shop.example"},
                         *signer)));
    letter.emplace(
        MailTemplate{template_of(options.templates / "subject.txt", TemplateKind::header),
                     template_of(options.templates / "body.txt", TemplateKind::text),
                     template_of(options.templates / "body.html", TemplateKind::html)});
    how.mail.push_back(
        {.name = "relay",
         .hand_over = [this](const net::SmtpMessage& one) { return smtp->send(one); },
         .rate = {},
         .retry = retry});
    how.hooks.write_letter = [this](const Message& one, Timestamp now) -> Result<Letter> {
      ATTUNE_ASSIGN_OR_RETURN(WrittenMail written, writer->write(one, *letter, now));
      return std::move(written.letter);
    };
  }

  Data data;
  std::optional<LinkSigner> signer;
  std::optional<net::SmtpClient> smtp;
  std::optional<net::HttpClient> http;
  std::optional<MailWriter> writer;
  std::optional<MailTemplate> letter;
  std::optional<Sender> sender;
};

int send(const Options& options) {
  Sending sending(options);
  SenderRun all;
  const SystemClock clock;
  while (true) {
    const SenderRun run = value_of(sending.sender->run_once(clock.now()));
    all.sent += run.sent;
    all.refused += run.refused;
    all.failed += run.failed;
    all.unknown += run.unknown;
    all.postponed += run.postponed;
    for (const std::string& trouble : run.troubles) std::cerr << trouble << '\n';
    if (!run.next) break;
    const std::int64_t wait = run.next->micros - clock.now().micros;
    if (wait > 0) std::this_thread::sleep_for(std::chrono::microseconds(wait));
  }
  fmt::print(
      R"({{"sent":{},"refused":{},"failed":{},"unknown":{},"unknown_at_start":{},"postponed":{}}})"
      "\n",
      all.sent, all.refused, all.failed, all.unknown, sending.sender->unknown_at_start(),
      all.postponed);
  return 0;
}

int states(const Options& options) {
  Data data(options.folder);
  for (int i = 0; i < kMessageStateCount; ++i) {
    const auto state = static_cast<MessageState>(i);
    const auto messages = value_of(data.outbox->list(state, 1'000'000));
    for (const MessageStatus& one : messages) {
      fmt::print("{} {} {} {}\n", name(state), one.key, one.attempts, one.detail);
    }
  }
  return 0;
}

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

// Lines of "secrets<tab>id<tab>seconds<tab>body in hexadecimal[<tab>signature<tab>now]".
int signatures(bool verify) {
  for (std::string line; std::getline(std::cin, line);) {
    const std::vector<std::string> cells = split(line);
    std::vector<WebhookSecret> secrets;
    std::istringstream words(cells.at(0));
    for (std::string word; words >> word;) secrets.push_back(value_of(WebhookSecret::parse(word)));
    const std::string body = from_hex(cells.at(3));
    if (!verify) {
      const Timestamp now{std::stoll(cells.at(2)) * kMicrosPerSecond};
      fmt::print("{}\n", value_of(webhook_headers(secrets, cells.at(1), now, body)).at(2).second);
    } else {
      const Status status = verify_webhook(secrets, {cells.at(1), cells.at(2), cells.at(4), body},
                                           {std::stoll(cells.at(5)) * kMicrosPerSecond});
      fmt::print("{}\n", status ? "ok" : "refused");
    }
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app{"Drives the sender of deliver"};
  Options options;
  app.require_subcommand(1);
  CLI::App* fill_command = app.add_subcommand("fill");
  fill_command->add_option("--folder", options.folder)->required();
  fill_command->add_option("--rows", options.rows);
  fill_command->add_option("--hooks", options.hooks);
  CLI::App* send_command = app.add_subcommand("send");
  send_command->add_option("--folder", options.folder)->required();
  send_command->add_option("--templates", options.templates);
  send_command->add_option("--port", options.port);
  send_command->add_option("--security", options.security);
  send_command->add_option("--ca", options.ca_file);
  send_command->add_option("--user", options.user);
  send_command->add_option("--password", options.password);
  send_command->add_option("--hook-url", options.hook_url);
  send_command->add_option("--secret", options.secret);
  send_command->add_option("--retry-seconds", options.retry_seconds);
  send_command->add_option("--retry-attempts", options.retry_attempts);
  CLI::App* states_command = app.add_subcommand("states");
  states_command->add_option("--folder", options.folder)->required();
  const CLI::App* sign_command = app.add_subcommand("sign");
  const CLI::App* verify_command = app.add_subcommand("verify");
  CLI11_PARSE(app, count, arguments);
  if (*fill_command) return fill(options);
  if (*send_command) return send(options);
  if (*states_command) return states(options);
  if (*sign_command) return signatures(false);
  return *verify_command ? signatures(true) : 2;
}
