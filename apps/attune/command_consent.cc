// attune consent: what customers allow, and what mail servers send back about them.
#include <fmt/format.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "attune/base/time.h"
#include "attune/engine/consents.h"
#include "command.h"
#include "context.h"

namespace attune::cli {
namespace {

constexpr std::size_t kReportBytes = 4 << 20;

struct ConsentArguments {
  engine::ConsentStatement statement;
  std::string at;
  std::vector<std::string> files;
};
using ConsentCall = std::shared_ptr<ConsentArguments>;

void print(Context& context, const engine::CustomerConsents& found) {
  if (context.json) {
    context.print(engine::to_json(found) + "\n");
    return;
  }
  report::Table now({{found.customer, report::Align::left, 0}, {"", report::Align::left, 0}});
  for (std::size_t i = 0; i < found.now.size(); ++i)
    now.row({privacy::purpose_names()[i], std::string(privacy::name(found.now[i]))});
  context.print(now);
  if (found.changes.empty()) return;
  report::Table changes({{"time", report::Align::left, 0},
                         {"purpose", report::Align::left, 0},
                         {"consent", report::Align::left, 0},
                         {"source", report::Align::left, 0},
                         {"wording", report::Align::left, 0},
                         {"proof", report::Align::left, 1}});
  for (const privacy::ConsentChange& change : found.changes) {
    changes.row({format_iso(change.time), std::string(privacy::name(change.purpose)),
                 change.given ? "given" : "withdrawn", change.evidence.source,
                 change.evidence.wording, change.evidence.proof});
  }
  context.print("\n");
  context.print(changes);
}

Status print_consents(Context& context, engine::Workspace& workspace, std::string_view customer) {
  ATTUNE_ASSIGN_OR_RETURN(const engine::CustomerConsents found,
                          engine::find_consents(workspace, customer));
  print(context, found);
  return {};
}

Status run_show(Context& context, const ConsentCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  return print_consents(context, workspace, normalise_text(arguments->statement.customer));
}

Status run_state(Context& context, const ConsentCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  engine::ConsentStatement& statement = arguments->statement;
  statement.customer = normalise_text(statement.customer);
  statement.time = workspace.now();
  if (!arguments->at.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(statement.time, parse_moment(arguments->at, workspace.zone()));
  }
  ATTUNE_RETURN_IF_ERROR(engine::state_consent(workspace, statement));
  return print_consents(context, workspace, statement.customer);
}

Status run_bounces(Context& context, const ConsentCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  engine::MailReportCounts total;
  int unread = 0;
  for (const std::string& file : arguments->files) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string bytes, read_file(file, kReportBytes));
    const auto counts = engine::take_mail_report(workspace, bytes);
    if (!counts && counts.error().code == ErrorCode::invalid_argument) {
      ++unread;
      context.note(fmt::format("{}: {}", file, counts.error().message));
      continue;
    }
    if (!counts) return std::unexpected(counts.error());
    total += *counts;
  }
  if (context.json) {
    context.print(engine::to_json(total) + "\n");
  } else {
    context.print(fmt::format(
        "{} bounced, {} complained, {} delivered, {} delayed; {} about no message of ours, {} "
        "files are no report.\n",
        with_thousands(total.bounced), with_thousands(total.complained),
        with_thousands(total.delivered), with_thousands(total.delayed),
        with_thousands(total.foreign), with_thousands(unread)));
  }
  return {};
}

}  // namespace

void add_consent(CLI::App& app, Context& context) {
  CLI::App* group = app.add_subcommand("consent", "what customers allow, and how it is known");
  group->require_subcommand(1);
  group->footer("Example: attune consent give C100001 --purpose email --source checkout");
  const auto add = [&](const char* name, const char* help,
                       Status (*run)(Context&, const ConsentCall&)) {
    auto arguments = std::make_shared<ConsentArguments>();
    CLI::App* command = group->add_subcommand(name, help);
    run_when_called(*command, context, arguments, run);
    return std::pair(command, arguments);
  };
  const auto customer = [](const auto& made) {
    made.first->add_option("customer", made.second->statement.customer, "who")
        ->required()
        ->type_name("ID");
  };
  const auto show =
      add("show", "what a customer allows, and every change with its proof", run_show);
  customer(show);
  show.first->footer("Example: attune consent show C100001 --json");
  for (const bool given : {true, false}) {
    const auto state = add(given ? "give" : "withdraw",
                           given ? "a customer gave consent" : "a customer withdrew it", run_state);
    customer(state);
    auto& [command, arguments] = state;
    arguments->statement.given = given;
    command->add_option("--purpose", arguments->statement.purposes, "email, sms, …; several work")
        ->required();
    command->add_option("--source", arguments->statement.evidence.source, "where it was said");
    command->add_option("--wording", arguments->statement.evidence.wording,
                        "version of the text that the customer saw");
    command->add_option("--proof", arguments->statement.evidence.proof,
                        "what shows it, such as the number of a form");
    command->add_option("--at", arguments->at, "when, unless now")->type_name("TIME");
    command->footer(fmt::format("Example: attune consent {} C100001 --purpose email --source shop",
                                given ? "give" : "withdraw"));
  }
  const auto bounces =
      add("bounces", "takes bounces and complaints that mail servers sent back", run_bounces);
  bounces.first->add_option("files", bounces.second->files, "one mail each")
      ->required()
      ->type_name("FILE");
  bounces.first->footer("Example: attune consent bounces Maildir/new/*");
}

}  // namespace attune::cli
