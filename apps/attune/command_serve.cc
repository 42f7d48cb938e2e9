// attune serve, keys, replay, refused: the live service and what belongs to it.
#include <csignal>
#include <cstdio>

#include <fmt/format.h>
#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "attune/base/settable_clock.h"
#include "attune/base/text.h"
#include "attune/base/time.h"
#include "attune/engine/access_keys.h"
#include "attune/engine/decision_log.h"
#include "attune/engine/service.h"
#include "attune/http/api.h"
#include "attune/http/server.h"
#include "context.h"
#include "program.h"

namespace attune::cli {
namespace {

namespace json = boost::json;

constexpr std::int64_t kRefusedShown = 1'000;

struct ServeArguments {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8710;
  int threads = 2;
  std::string certificate, key;
  double rate = 0;
  std::optional<int> train_every;
  bool campaigns = true;
  bool log = false;
  std::string clock;  // of a rehearsal; empty: the system's
};

// Blocks the signals that end a service before any thread begins; they are waited for instead.
class EndSignals {
 public:
  EndSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  }
  void wait() const {
    int signal = 0;
    sigwait(&signals_, &signal);
  }

 private:
  sigset_t signals_{};
};

// The first start makes an admin key, and shows it this once.
Result<std::string> first_key(engine::Service& service) {
  std::string secret;
  ATTUNE_RETURN_IF_ERROR(service.with([&](engine::Workspace& workspace) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const auto keys, service.keys().list());
    if (!keys.empty()) return {};
    ATTUNE_ASSIGN_OR_RETURN(
        secret, service.keys().create(engine::KeyScope::admin, "first start", workspace.now()));
    return {};
  }));
  return secret;
}

std::string address_of(const ServeArguments& arguments, std::uint16_t port) {
  const bool v6 = arguments.host.find(':') != std::string::npos;
  return fmt::format("{}://{}{}{}:{}", arguments.certificate.empty() ? "http" : "https",
                     v6 ? "[" : "", arguments.host, v6 ? "]" : "", port);
}

// Absent: the system's.
Result<std::unique_ptr<SettableClock>> rehearsal_clock(const std::string& text) {
  if (text.empty()) return std::unique_ptr<SettableClock>();
  const auto moment = parse_moment(text, TimeZone::utc());
  if (!moment) return std::unexpected(moment.error().within("--clock"));
  return std::make_unique<SettableClock>(*moment);
}

// A command of another process, on the shop that this one has open.
std::string run_command(engine::Service& service, const std::string& request) {
  std::string answer = run_for_another(request, [&](const std::function<void(Lender&)>& work) {
    (void)service.with_until(
        [&](engine::Workspace& workspace, const engine::Service::Release& release) -> Status {
          Lender lender{workspace.share(), release, [&service](engine::TrainRequest training) {
                          return service.train_and_wait(std::move(training));
                        }};
          work(lender);
          return {};
        });
  });
  if (const Status followed = service.follow(); !followed)
    fmt::print(stderr, "{}\n", followed.error().message);
  return answer;
}

http::ServerOptions server_options(const ServeArguments& arguments, engine::Service& service,
                                   http::Api& api) {
  http::ServerOptions options;
  options.host = arguments.host;
  options.port = arguments.port;
  options.threads = arguments.threads;
  options.tls_certificate = arguments.certificate;
  options.tls_key = arguments.key;
  options.unix_socket = service.folder() / kSocketName;
  options.decorate = [&api](const http::Request& request, http::Response& response) {
    api.decorate(request, response);
  };
  options.observe = [&api](const http::Request& request, const http::Response& response,
                           std::chrono::microseconds took) {
    api.observe(request, response, took);
  };
  options.on_defect = [](const http::Request& request, std::string_view what) {
    fmt::print(stderr, "{}\n",
               json::serialize(json::object{{"defect", what}, {"route", request.route}}));
  };
  return options;
}

Status run_serve(Context& context, const std::shared_ptr<ServeArguments>& arguments) {
  const EndSignals signals;
  engine::ServiceOptions how;
  if (arguments->train_every) how.train_every = std::chrono::seconds(*arguments->train_every);
  how.campaigns = arguments->campaigns;
  ATTUNE_ASSIGN_OR_RETURN(const auto clock, rehearsal_clock(arguments->clock));
  how.clock = clock.get();
  ATTUNE_ASSIGN_OR_RETURN(const auto service, engine::Service::start(context.folder(), how));
  http::ApiOptions api_options;
  api_options.version = ATTUNE_VERSION;
  api_options.requests_per_second = arguments->rate;
  api_options.clock = clock.get();
  if (arguments->log)
    api_options.log = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
  api_options.command = [&service](const std::string& request) {
    return run_command(*service, request);
  };
  http::Api api(*service, api_options);
  ATTUNE_ASSIGN_OR_RETURN(
      http::Server server,
      http::Server::start(api.handler(), server_options(*arguments, *service, api)));
  // Not before it listens: a start that fails would show the key to nobody.
  ATTUNE_ASSIGN_OR_RETURN(const std::string secret, first_key(*service));
  const std::string address = address_of(*arguments, server.port());
  if (context.json) {
    json::object begun{{"address", address}, {"port", server.port()}};
    if (!secret.empty()) begun["admin_key"] = secret;
    context.print(json::serialize(begun) + "\n");
  } else {
    context.print(fmt::format("Serving {} at {}\n", context.folder().string(), address));
    if (!secret.empty()) {
      context.print(fmt::format(
          "Admin key, shown this once: {}\nMake others: attune keys create --scope write\n",
          secret));
    }
    if (arguments->certificate.empty() && arguments->host != "127.0.0.1" &&
        arguments->host != "localhost" && arguments->host != "::1") {
      context.note(
          "Keys and events travel unencrypted: give --tls-certificate and --tls-key, or put "
          "a proxy in front that ends TLS.");
    }
    context.print("Ctrl-C ends it: what was accepted is written and applied first.\n");
  }
  if (const engine::Health health = service->health(); health.lost_rows > 0)
    context.note(fmt::format("Warning: {}.", health.problem));
  std::fflush(stdout);
  signals.wait();
  server.stop(std::chrono::seconds(10));
  return {};
}

Status with_keys(Context& context,
                 const std::function<Status(engine::Workspace&, engine::AccessKeys&)>& work) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  ATTUNE_ASSIGN_OR_RETURN(engine::AccessKeys keys,
                          engine::AccessKeys::open(workspace.state(), workspace.vault()));
  return work(workspace, keys);
}

Status print_keys(Context& context) {
  return with_keys(context, [&](engine::Workspace&, engine::AccessKeys& keys) -> Status {
    ATTUNE_ASSIGN_OR_RETURN(const auto all, keys.list());
    if (context.json) {
      context.print(engine::to_json(all) + "\n");
      return {};
    }
    report::Table table({{"key", report::Align::left, 0},
                         {"scope", report::Align::left, 0},
                         {"label", report::Align::left, 1},
                         {"created", report::Align::left, 0},
                         {"revoked", report::Align::left, 0}});
    for (const engine::AccessKey& key : all) {
      table.row({key.id, std::string(engine::name(key.scope)), key.label,
                 format_iso(key.created_at), key.revoked_at ? format_iso(*key.revoked_at) : ""});
    }
    context.print(table);
    return {};
  });
}

void print_secret(Context& context, const std::string& secret) {
  context.print(context.json ? json::serialize(json::object{{"key", secret}}) + "\n"
                             : fmt::format("{}\nIt is shown this once: keep it.\n", secret));
}

void add_keys(CLI::App& app, Context& context) {
  CLI::App& command = *app.add_subcommand("keys", "who may ask the service for what");
  command.require_subcommand(1);
  command.footer("Example:\n  attune keys create --scope write --label 'web shop'");
  CLI::App& list = *command.add_subcommand("list", "keys without their secrets");
  list.callback([&context] { context.action = [&context] { return print_keys(context); }; });
  auto scope = std::make_shared<std::string>("write"), label = std::make_shared<std::string>();
  CLI::App& create = *command.add_subcommand("create", "makes a key and shows it once");
  create.add_option("--scope", *scope, "write (events only, safe in a browser), read, or admin");
  create.add_option("--label", *label, "what it is for");
  create.callback([&context, scope, label] {
    context.action = [&context, scope, label]() -> Status {
      ATTUNE_ASSIGN_OR_RETURN(const engine::KeyScope opens, engine::parse_key_scope(*scope));
      return with_keys(context,
                       [&](engine::Workspace& workspace, engine::AccessKeys& keys) -> Status {
                         ATTUNE_ASSIGN_OR_RETURN(const std::string secret,
                                                 keys.create(opens, *label, workspace.now()));
                         print_secret(context, secret);
                         return {};
                       });
    };
  });
  auto id = std::make_shared<std::string>();
  CLI::App& revoke = *command.add_subcommand("revoke", "a key opens nothing any more");
  CLI::App& rotate = *command.add_subcommand("rotate", "a new secret for a key");
  revoke.add_option("id", *id, "of the list")->required();
  rotate.add_option("id", *id, "of the list")->required();
  revoke.callback([&context, id] {
    context.action = [&context, id] {
      return with_keys(context, [&](engine::Workspace& workspace, engine::AccessKeys& keys) {
        return keys.revoke(*id, workspace.now());
      });
    };
  });
  rotate.callback([&context, id] {
    context.action = [&context, id] {
      return with_keys(
          context, [&](engine::Workspace& workspace, engine::AccessKeys& keys) -> Status {
            ATTUNE_ASSIGN_OR_RETURN(const std::string secret, keys.rotate(*id, workspace.now()));
            print_secret(context, secret);
            return {};
          });
    };
  });
}

Status run_replay(Context& context, const std::string& id) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  ATTUNE_ASSIGN_OR_RETURN(const decide::Decision decision, engine::read_decision(workspace, id));
  ATTUNE_RETURN_IF_ERROR(decide::replay(decision));
  if (context.json) {
    context.print(decide::to_json(decision) + "\n");
    return {};
  }
  context.print(fmt::format("{}: {} of {}/{} by {}, {} of {} candidates: the same again\n",
                            decision.id, decision.surface.empty() ? "a list" : decision.surface,
                            decision.model, decision.model_version, decision.policy,
                            decision.chosen.size(), decision.shortlist.size()));
  return {};
}

Status run_refused(Context& context, std::int64_t after) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  ATTUNE_ASSIGN_OR_RETURN(const auto refused, workspace.refused(after, kRefusedShown));
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t total, workspace.refused_count());
  if (context.json) {
    ATTUNE_ASSIGN_OR_RETURN(const std::int64_t dropped, workspace.refused_dropped());
    context.print(engine::to_json(total, dropped, refused) + "\n");
    return {};
  }
  report::Table table({{"number", report::Align::right, 0},
                       {"call", report::Align::left, 0},
                       {"reason", report::Align::left, 0},
                       {"message", report::Align::left, 1}});
  for (const engine::RefusedMessage& one : refused)
    table.row({fmt::format("{}", one.number), one.call, one.reason, one.message});
  context.print(table);
  if (std::ssize(refused) == kRefusedShown) {
    context.print(fmt::format("{} of {}; the next: attune refused --after {}\n", refused.size(),
                              with_thousands(total), refused.back().number));
  }
  return {};
}

}  // namespace

void add_serve(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<ServeArguments>();
  CLI::App& serve = *app.add_subcommand(
      "serve", "takes events over HTTP and answers with recommendations, at once");
  serve.add_option("--host", arguments->host, "address to listen on");
  serve.add_option("--port", arguments->port, "0: any free one");
  serve.add_option("--threads", arguments->threads, "of the server");
  serve.add_option("--tls-certificate", arguments->certificate, "PEM file; with --tls-key: HTTPS");
  serve.add_option("--tls-key", arguments->key, "PEM file");
  serve.add_option("--rate", arguments->rate, "requests a second of one key; 0: no limit");
  serve.add_option("--train-every", arguments->train_every,
                   "seconds between trainings, where there is news; 0: only when asked (default: "
                   "what PUT /v1/schedule said, else 3600)");
  serve.add_flag("!--no-campaigns", arguments->campaigns,
                 "neither runs campaigns whose time has come nor hands over their mails");
  serve
      .add_option("--clock", arguments->clock,
                  "a rehearsal: the clock stands at this moment until POST /v1/clock moves it")
      ->type_name("TIME");
  serve.add_flag("--log", arguments->log, "a line of JSON on standard error for each request");
  serve.footer(
      "Example:\n  attune serve --port 8710\n  curl -u KEY: "
      "http://127.0.0.1:8710/v1/customers/17850/recommendations?count=5");
  serve.callback([&context, arguments] {
    context.action = [&context, arguments] { return run_serve(context, arguments); };
  });
  add_keys(app, context);
  auto id = std::make_shared<std::string>();
  CLI::App& replay = *app.add_subcommand(
      "replay", "chooses again from a logged decision, and tells if it differs");
  replay.add_option("decision", *id, "its recommendation_id")->required();
  replay.footer("Example:\n  attune replay 01JD3Q4Z0K7V9M2N5P8R1T4W6X");
  replay.callback(
      [&context, id] { context.action = [&context, id] { return run_replay(context, *id); }; });
  CLI::App& refused =
      *app.add_subcommand("refused", "messages that came to the service and could not be read");
  auto after = std::make_shared<std::int64_t>(0);
  refused.add_option("--after", *after, "those with higher numbers, at most 1,000")
      ->check(CLI::NonNegativeNumber);
  refused.footer("Example:\n  attune refused --json");
  refused.callback([&context, after] {
    context.action = [&context, after] { return run_refused(context, *after); };
  });
}

}  // namespace attune::cli
