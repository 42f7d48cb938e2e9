// attune campaign: from a marketer's file to what it changed.
#include <chrono>
#include <thread>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/engine/campaigns.h"
#include "attune/engine/experiment.h"
#include "attune/engine/test_messages.h"
#include "command.h"
#include "context.h"

namespace attune::cli {
namespace {

constexpr std::int64_t kWaitMicros = 2 * kMicrosPerSecond;  // of send, for a server's pace

struct CampaignArguments {
  std::string what;   // a file, or a campaign's name
  std::string group;  // of report
  engine::TestRequest test;
  std::string state = "failed";  // of messages
  int limit = 100;
  std::string by;
  std::string at;
  std::string html;
  double level = measure::kLevel;
  bool sequential = false;
  std::int64_t planned = 0;
  ProfileSettings settings;
};
using CampaignCall = std::shared_ptr<CampaignArguments>;

// Campaigns keep the workspace's address: both stay where they are.
struct OpenedCampaigns {
  std::unique_ptr<engine::Workspace> workspace;
  std::unique_ptr<engine::Customers> customers;  // where asked for
  std::unique_ptr<engine::Campaigns> campaigns;
  Timestamp now;
};

Result<OpenedCampaigns> open_campaigns(Context& context, const CampaignArguments& arguments,
                                       bool with_customers) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  OpenedCampaigns opened;
  opened.workspace = std::make_unique<engine::Workspace>(std::move(workspace));
  opened.now = opened.workspace->now();
  if (!arguments.at.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(opened.now, parse_moment(arguments.at, opened.workspace->zone()));
  }
  if (with_customers) {
    ATTUNE_ASSIGN_OR_RETURN(const auto options, arguments.settings.options(*opened.workspace));
    ATTUNE_ASSIGN_OR_RETURN(
        engine::Customers customers,
        engine::Customers::open(*opened.workspace, options, context.progress()));
    opened.customers = std::make_unique<engine::Customers>(std::move(customers));
  }
  ATTUNE_ASSIGN_OR_RETURN(engine::Campaigns campaigns, engine::Campaigns::open(*opened.workspace));
  opened.campaigns = std::make_unique<engine::Campaigns>(std::move(campaigns));
  context.end_progress();
  return opened;
}

bool is_file(const std::string& what) {
  std::error_code ignored;
  return what.ends_with(".toml") || what.ends_with(".json") ||
         std::filesystem::is_regular_file(what, ignored);
}

Result<engage::Campaign> read_campaign(OpenedCampaigns& opened, const std::string& file) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(file, engage::kMaxCampaignBytes));
  return opened.campaigns->check(text, file, *opened.customers);
}

// What a file says, or the campaign of that name.
Result<engage::Campaign> find_campaign(OpenedCampaigns& opened, const std::string& what) {
  if (is_file(what)) return read_campaign(opened, what);
  ATTUNE_ASSIGN_OR_RETURN(engage::StoredCampaign stored, opened.campaigns->find(what));
  return std::move(stored.campaign);
}

Status run_check(Context& context, const CampaignCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCampaigns opened, open_campaigns(context, *arguments, true));
  ATTUNE_ASSIGN_OR_RETURN(const engage::Campaign campaign, read_campaign(opened, arguments->what));
  if (context.json) {
    context.print(engage::to_json(campaign) + "\n");
    return {};
  }
  context.print(fmt::format("{} is in order. Who would get it: attune campaign preview {}\n",
                            campaign.name, arguments->what));
  return {};
}

Status run_preview(Context& context, const CampaignCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCampaigns opened, open_campaigns(context, *arguments, true));
  ATTUNE_ASSIGN_OR_RETURN(const engage::Campaign campaign, find_campaign(opened, arguments->what));
  ATTUNE_ASSIGN_OR_RETURN(
      const engine::CampaignPreview preview,
      opened.campaigns->preview(campaign, *opened.customers, opened.now, context.progress()));
  context.end_progress();
  context.print(context.json
                    ? engine::to_json(preview) + "\n"
                    : engine::preview_text(preview, opened.workspace->zone(), context.style()));
  if (!preview.problems.empty()) {
    return std::unexpected(failed_precondition(
        fmt::format("campaign '{}' cannot start before its problems are mended", campaign.name)));
  }
  return {};
}

Status run_start(Context& context, const CampaignCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCampaigns opened, open_campaigns(context, *arguments, true));
  std::string name = arguments->what;
  if (is_file(name)) {
    ATTUNE_ASSIGN_OR_RETURN(const engage::Campaign campaign, read_campaign(opened, name));
    ATTUNE_ASSIGN_OR_RETURN(const engage::StoredCampaign saved,
                            opened.campaigns->save(campaign, opened.now, arguments->by));
    name = saved.campaign.name;
  }
  ATTUNE_ASSIGN_OR_RETURN(
      const engage::StoredCampaign stored,
      opened.campaigns->start(name, *opened.customers, opened.now, arguments->by));
  if (context.json) {
    context.print(engine::to_json(stored) + "\n");
    return {};
  }
  const bool runs = stored.state == engage::CampaignState::running;
  context.print(fmt::format(
      "{} is {}, version {}. {}\n", name, engage::name(stored.state), stored.version,
      runs ? "What is due runs with: attune campaign run"
           : fmt::format("It begins at {}.", format_iso(stored.campaign.schedule.start))));
  return {};
}

Status run_run(Context& context, const CampaignCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCampaigns opened, open_campaigns(context, *arguments, true));
  std::vector<engine::CampaignRun> runs;
  if (arguments->what.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(
        runs, opened.campaigns->run_due(*opened.customers, opened.now, context.progress()));
  } else {
    ATTUNE_ASSIGN_OR_RETURN(auto run, opened.campaigns->run(arguments->what, *opened.customers,
                                                            opened.now, context.progress()));
    if (run) runs.push_back(std::move(*run));
  }
  context.end_progress();
  std::string json;
  bool mails = false;
  for (const engine::CampaignRun& run : runs) {
    ATTUNE_ASSIGN_OR_RETURN(const auto stored, opened.campaigns->find(run.campaign));
    mails |= stored.campaign.channel == decide::Channel::email ||
             stored.campaign.channel == decide::Channel::webhook;
    if (context.json) {
      json += (json.empty() ? "" : ",") + engine::to_json(run);
    } else {
      context.print(engine::run_text(run, stored.campaign.currency, opened.workspace->zone(),
                                     context.style()));
    }
  }
  if (context.json) {
    context.print("{\"runs\":[" + json + "]}\n");
  } else if (runs.empty()) {
    context.print("No run is due.\n");
  } else if (mails) {
    context.note("the messages wait in the outbox; hand them over: attune campaign send");
  }
  return {};
}

// pause, resume, stop.
template <auto Change>
Status run_change(Context& context, const CampaignCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCampaigns opened, open_campaigns(context, *arguments, false));
  ATTUNE_ASSIGN_OR_RETURN(
      const engage::StoredCampaign stored,
      ((*opened.campaigns).*Change)(arguments->what, opened.now, arguments->by));
  context.print(context.json
                    ? engine::to_json(stored) + "\n"
                    : fmt::format("{} is {}.\n", arguments->what, engage::name(stored.state)));
  return {};
}

Status print_list(Context& context, OpenedCampaigns& opened) {
  ATTUNE_ASSIGN_OR_RETURN(const auto all, opened.campaigns->list());
  report::Table table({{"campaign", report::Align::left, 0},
                       {"state", report::Align::left, 0},
                       {"version", report::Align::right, 0},
                       {"channel", report::Align::left, 0},
                       {"begins", report::Align::left, 0},
                       {"ends", report::Align::left, 0}});
  const TimeZone& zone = opened.workspace->zone();
  for (const engage::StoredCampaign& one : all) {
    table.row({one.campaign.name, std::string(engage::name(one.state)), std::to_string(one.version),
               std::string(decide::name(one.campaign.channel)),
               date_of(one.campaign.schedule.start, zone),
               date_of(one.campaign.schedule.end, zone)});
  }
  if (context.json) {
    context.print(engine::to_json(all) + "\n");
  } else if (all.empty()) {
    context.print("There is no campaign yet; begin with: attune campaign start FILE.toml\n");
  } else {
    context.print(table);
  }
  return {};
}

Status run_status(Context& context, const CampaignCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCampaigns opened, open_campaigns(context, *arguments, false));
  if (arguments->what.empty()) return print_list(context, opened);
  ATTUNE_ASSIGN_OR_RETURN(const engine::CampaignStatus status,
                          opened.campaigns->status(arguments->what, opened.now));
  context.print(context.json
                    ? engine::to_json(status) + "\n"
                    : engine::status_text(status, opened.workspace->zone(), context.style()));
  return {};
}

Status run_report(Context& context, const CampaignCall& arguments) {
  if (arguments->sequential != (arguments->planned > 0)) {
    return std::unexpected(invalid_argument(
        "--sequential and --planned N belong together: how many customers will be assigned by the "
        "campaign's end?"));
  }
  const bool by_segment = !arguments->group.empty();
  ATTUNE_ASSIGN_OR_RETURN(OpenedCampaigns opened, open_campaigns(context, *arguments, by_segment));
  const engine::CampaignReportOptions options{
      .analysis = {.level = arguments->level, .planned = arguments->planned},
      .by = arguments->group};
  ATTUNE_ASSIGN_OR_RETURN(
      const engine::CampaignReport report,
      opened.campaigns->report(arguments->what, opened.now, options, opened.customers.get()));
  if (!arguments->html.empty()) {
    ATTUNE_RETURN_IF_ERROR(
        write_file_durably(arguments->html, engine::report_page(report, opened.workspace->zone())));
  }
  context.print(context.json
                    ? engine::to_json(report) + "\n"
                    : engine::report_text(report, opened.workspace->zone(), context.style()));
  return {};
}

Status run_test(Context& context, const CampaignCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCampaigns opened,
                          open_campaigns(context, *arguments, is_file(arguments->what)));
  ATTUNE_ASSIGN_OR_RETURN(const engage::Campaign campaign, find_campaign(opened, arguments->what));
  ATTUNE_ASSIGN_OR_RETURN(
      engine::TestMessages messages,
      engine::TestMessages::prepare(*opened.workspace, campaign, arguments->test));
  const std::vector<engine::TestOutcome> outcomes = messages.send();
  if (context.json) context.print(engine::to_json(outcomes) + "\n");
  bool all_sent = true;
  for (const engine::TestOutcome& one : outcomes) {
    all_sent &= one.sent;
    if (!context.json) {
      context.print(fmt::format("{} to {}: {} ({})\n", one.treatment, one.to,
                                one.sent ? "sent" : "not sent", one.detail));
    }
  }
  if (all_sent) return {};
  return std::unexpected(
      unavailable("not every test was taken; what the server said stands above"));
}

Status run_messages(Context& context, const CampaignCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCampaigns opened, open_campaigns(context, *arguments, false));
  ATTUNE_ASSIGN_OR_RETURN(const auto found,
                          opened.campaigns->messages(arguments->state, arguments->limit));
  context.print(context.json ? engine::to_json(found) + "\n"
                : found.empty()
                    ? fmt::format("No message is {}.\n", arguments->state)
                    : engine::messages_text(found, opened.workspace->zone(), context.style()));
  return {};
}

Status run_requeue(Context& context, const CampaignCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCampaigns opened, open_campaigns(context, *arguments, false));
  ATTUNE_ASSIGN_OR_RETURN(const auto again, opened.campaigns->requeue(arguments->what, opened.now));
  context.print(context.json ? engine::to_json(again) + "\n"
                             : fmt::format("{} is queued again.\n", arguments->what));
  return {};
}

Status run_send(Context& context, const CampaignCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCampaigns opened, open_campaigns(context, *arguments, false));
  engine::SendResult total;
  while (true) {
    const Timestamp now = arguments->at.empty() ? opened.workspace->now() : opened.now;
    ATTUNE_ASSIGN_OR_RETURN(const engine::SendResult one, opened.campaigns->send_due(now));
    total.add(one);
    const std::int64_t wait = one.next ? one.next->micros - now.micros : kWaitMicros + 1;
    if (wait > kWaitMicros || !arguments->at.empty() || context.progress().cancelled()) break;
    std::this_thread::sleep_for(std::chrono::microseconds(std::max<std::int64_t>(wait, 1000)));
  }
  if (context.json) {
    context.print(engine::to_json(total) + "\n");
  } else {
    context.print(fmt::format(
        "{} sent, {} refused, {} failed, {} unknown, {} withheld{}.\n", with_thousands(total.sent),
        with_thousands(total.refused), with_thousands(total.failed), with_thousands(total.unknown),
        with_thousands(total.withheld),
        total.next ? ", the next is due at " + format_iso(*total.next) : std::string()));
  }
  for (const std::string& trouble : total.troubles) context.note(trouble);
  return {};
}

constexpr const char* kCampaignExamples = R"(Examples:
  attune campaign check winback.toml         every problem, with its line
  attune campaign preview winback.toml       who gets it, who does not and why; nothing is written
  attune campaign test winback.toml --to me@shop.example   how it reads
  attune campaign start winback.toml         saves it and lets it begin at its start
  attune campaign run                        decides what is due, of every campaign
  attune campaign send                       hands over what was decided
  attune campaign status winback-december
  attune campaign report winback-december    what it caused, against those who were held out
A campaign's file: docs/campaigns.md. Mail needs the section [mail] of attune.toml and templates,
webhooks the section [webhook].)";

// A subcommand with arguments of its own.
struct Made {
  CLI::App* command;
  CampaignCall arguments;

  const Made& takes(const char* type, const char* help, bool required = true) const {
    command->add_option("what", arguments->what, help)->required(required)->type_name(type);
    return *this;
  }
  const Made& at(const char* help) const {
    command->add_option("--at", arguments->at, help)->type_name("TIME");
    return *this;
  }
  const Made& by() const {
    command->add_option("--by", arguments->by, "who does it, for the campaign's history");
    return *this;
  }
  const Made& profiles() const {
    arguments->settings.add_to(*command);
    return *this;
  }
  const Made& example(std::string_view rest) const {
    command->footer(fmt::format("Example: attune campaign {}{}", command->get_name(), rest));
    return *this;
  }
};

class CampaignCommands {
 public:
  CampaignCommands(CLI::App& group, Context& context) : group_(group), context_(context) {}

  Made add(const char* name, const char* help,
           Status (*run)(Context& context, const CampaignCall& arguments)) {
    Made made{group_.add_subcommand(name, help), std::make_shared<CampaignArguments>()};
    run_when_called(*made.command, context_, made.arguments, run);
    return made;
  }

 private:
  CLI::App& group_;
  Context& context_;
};

constexpr const char* kAny = "a campaign's file or name";

void add_test_command(CampaignCommands& commands) {
  const Made test =
      commands.add("test", "send it to people of yours, marked; nothing is counted", run_test);
  test.takes("WHAT", kAny).example(" winback.toml --to ann@shop.example --as c17");
  test.command->add_option("--to", test.arguments->test.to, "addresses of the shop's own people")
      ->type_name("ADDRESS");
  test.command
      ->add_option("--as", test.arguments->test.as, "whose fields are filled in; else made-up ones")
      ->type_name("CUSTOMER");
  test.command->add_option("--treatment", test.arguments->test.treatment, "one of them alone");
}

void add_outbox_commands(CampaignCommands& commands) {
  commands.add("send", "hand over what waits in the outbox", run_send).example("");
  const Made messages = commands.add(
      "messages", "messages in a state: dead letters of webhooks, mails of unknown outcome",
      run_messages);
  messages.example(" --state unknown");
  messages.command->add_option("--state", messages.arguments->state, "as status counts them")
      ->capture_default_str();
  messages.command->add_option("--limit", messages.arguments->limit)
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  commands.add("requeue", "send a dead letter of a webhook again, under the same id", run_requeue)
      .takes("MESSAGE", "as attune campaign messages names it")
      .example(" d-0123456789");
}

}  // namespace

void add_campaign(CLI::App& app, Context& context) {
  using engine::Campaigns;
  CLI::App* group = app.add_subcommand("campaign", "who gets which message, and what it changed");
  group->require_subcommand(1);
  group->footer(kCampaignExamples);
  CampaignCommands commands(*group, context);
  commands.add("check", "read a campaign's file and tell every problem", run_check)
      .takes("FILE", "TOML or JSON")
      .example(" winback.toml");
  commands.add("preview", "who would get it; nothing is written", run_preview)
      .takes("WHAT", kAny)
      .at("as of this day or time instead of now")
      .profiles()
      .example(" winback.toml --at 2026-12-01T09:30:00");
  add_test_command(commands);
  commands.add("start", "save it and let it begin", run_start)
      .takes("WHAT", kAny)
      .by()
      .example(" winback.toml --by ann");
  commands.add("run", "decide what is due", run_run)
      .takes("NAME", "the campaign; all of them where none is named", false)
      .profiles()
      .example(" && attune campaign send");
  commands.add("pause", "decide and send nothing until it goes on", run_change<&Campaigns::pause>)
      .takes("NAME", "the campaign")
      .by()
      .example(" winback-december --by ann");
  commands.add("resume", "let a paused one go on", run_change<&Campaigns::resume>)
      .takes("NAME", "the campaign")
      .by()
      .example(" winback-december --by ann");
  commands.add("stop", "end it for good; what waits is withheld", run_change<&Campaigns::stop>)
      .takes("NAME", "the campaign")
      .by()
      .example(" winback-december --by ann");
  commands.add("status", "state, counts, budget and outbox", run_status)
      .takes("NAME", "the campaign; all of them in short where none is named", false)
      .example(" winback-december");
  const Made report = commands.add("report", "what it changed, with intervals", run_report);
  report.takes("NAME", "the campaign")
      .at("outcomes until then instead of now")
      .example(" winback-december --html answer.html");
  report.command->add_flag("--sequential", report.arguments->sequential,
                           "intervals that may be looked at daily; needs --planned");
  report.command->add_option("--planned", report.arguments->planned,
                             "customers who will be assigned by the campaign's end");
  report.command->add_option("--level", report.arguments->level, "confidence of intervals")
      ->capture_default_str();
  report.command
      ->add_option("--by", report.arguments->group,
                   "break down by 'orders' before it, or by a saved segment")
      ->type_name("GROUP");
  report.command->add_option("--html", report.arguments->html, "write a page with charts")
      ->type_name("FILE");
  add_outbox_commands(commands);
}

}  // namespace attune::cli
