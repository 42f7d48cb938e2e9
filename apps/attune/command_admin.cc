// attune status, backup, restore, identity: the shop as a whole.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/engine/admin.h"
#include "attune/engine/report_page.h"
#include "command.h"
#include "context.h"

namespace attune::cli {
namespace {

struct AdminArguments {
  std::string file, forgotten;
  std::vector<std::string> ids;
  bool keys = false, accept_loss = false;
  std::string id;
  std::string output = "report.html", language = "en";
  int seeds = 1;
  ProfileSettings settings;
};
using AdminCall = std::shared_ptr<AdminArguments>;

Status run_status(Context& context, const AdminCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  if (arguments->accept_loss) ATTUNE_RETURN_IF_ERROR(workspace.accept_loss());
  ATTUNE_ASSIGN_OR_RETURN(const engine::ShopStatus status, engine::read_status(workspace));
  context.end_progress();
  if (context.json) {
    context.print(engine::to_json(status) + "\n");
    return {};
  }
  report::Table table(
      {{"data folder", report::Align::left, 0}, {status.folder.string(), report::Align::left, 1}});
  const auto row = [&](const char* name, std::string value) {
    table.row({name, std::move(value)});
  };
  row("time zone", status.time_zone);
  row("reporting currency",
      status.currency.empty() ? "not set, and events carry none or several" : status.currency);
  row("events", with_thousands(status.events));
  if (status.first_time)
    row("from, to", date_of(*status.first_time, workspace.zone()) + ", " +
                        date_of(*status.last_time, workspace.zone()));
  row("customers", fmt::format("{} known, {} anonymous", with_thousands(status.customers),
                               with_thousands(status.anonymous)));
  row("items", with_thousands(status.items));
  row("imports", with_thousands(status.imports));
  row("journal", fmt::format("up to {}; state at {}, history at {}", status.journal_end.value,
                             status.state_cursor.value, status.history_cursor.value));
  if (status.lost_rows > 0) {
    row("lost", fmt::format("{} imported rows: the history was rebuilt without them; import the "
                            "files again, or --accept-loss",
                            with_thousands(status.lost_rows)));
  }
  for (const auto& model : status.models) {
    if (model.current)
      row("model", fmt::format("{} version {}, trained {}", model.name, model.version,
                               date_of(model.trained_at, workspace.zone())));
  }
  row("on disk", status.disk);
  context.print(table);
  if (status.events == 0) context.print("Nothing is here yet: attune import FILE\n");
  return {};
}

Status run_backup(Context& context, const AdminCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  ATTUNE_ASSIGN_OR_RETURN(
      const engine::BackupInfo info,
      engine::back_up(workspace, arguments->file, arguments->keys, context.progress()));
  context.end_progress();
  if (context.json) {
    context.print(boost::json::serialize(boost::json::object{{"file", arguments->file},
                                                             {"bytes", info.bytes},
                                                             {"members", info.members},
                                                             {"has_keys", info.has_keys}}) +
                  "\n");
    return {};
  }
  context.print(fmt::format(
      "{} holds {} files, {} bytes{}.\n", arguments->file, info.members,
      with_thousands(static_cast<std::int64_t>(info.bytes)),
      info.has_keys ? ", the keys among them: keep it as you keep a password"
                    : "; customers' ids stay sealed without keys/, which --keys puts in"));
  return {};
}

Status run_restore(Context& context, const AdminCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(const engine::BackupInfo info,
                          engine::restore_folder(arguments->file, context.folder(),
                                                 context.progress(), arguments->forgotten));
  context.end_progress();
  if (context.json) {
    context.print(boost::json::serialize(boost::json::object{{"folder", context.folder().string()},
                                                             {"members", info.members}}) +
                  "\n");
    return {};
  }
  context.print(fmt::format(
      "{} restored into {}.{}\n", arguments->file, context.folder().string(),
      info.has_keys
          ? ""
          : " Put the keys/ folder back beside it before you open it: the backup holds none."));
  return {};
}

Status run_forget(Context& context, const AdminCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  for (std::string& id : arguments->ids) id = normalise_text(id);
  ATTUNE_ASSIGN_OR_RETURN(const auto receipts, workspace.forget(arguments->ids));
  context.end_progress();
  for (std::size_t i = 0; i < receipts.size(); ++i) {
    const engine::ErasureReceipt& receipt = receipts[i];
    if (context.json) {
      context.print(engine::to_json(receipt) + "\n");
      continue;
    }
    report::Table table({{"of " + arguments->ids[i], report::Align::left, 1},
                         {"destroyed or emptied", report::Align::right, 0}});
    for (const auto& holder : receipt.holders)
      table.row({holder.name, with_thousands(holder.touched)});
    context.print(table);
    context.print(fmt::format(
        "Forgotten at {} under number {}; {} ids are kept out. Files of the journal hold the rest "
        "until {} at the latest.\n",
        format_iso(receipt.time), receipt.number.value, receipt.identifiers,
        format_date(receipt.journal_until)));
  }
  return {};
}

Status run_separate(Context& context, const AdminCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  ATTUNE_RETURN_IF_ERROR(workspace.separate(arguments->id));
  if (context.json) {
    context.print(
        boost::json::serialize(boost::json::object{{"id", arguments->id}, {"separated", true}}) +
        "\n");
  } else {
    context.print(
        fmt::format("'{}' is a customer of their own again; profiles follow when next asked for.\n",
                    arguments->id));
  }
  return {};
}

Status run_report(Context& context, const AdminCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  engine::ReportOptions options;
  ATTUNE_ASSIGN_OR_RETURN(options.profiles, arguments->settings.options(workspace));
  options.language = arguments->language;
  options.seeds = arguments->seeds;
  ATTUNE_RETURN_IF_ERROR(
      engine::write_report(workspace, options, arguments->output, context.progress()));
  context.end_progress();
  if (context.json) {
    context.print(boost::json::serialize(boost::json::object{{"file", arguments->output}}) + "\n");
  } else {
    context.print(fmt::format("The report is in {}: open it in a browser.\n", arguments->output));
  }
  return {};
}

}  // namespace

void add_admin(CLI::App& app, Context& context) {
  auto report = std::make_shared<AdminArguments>();
  CLI::App* page = app.add_subcommand(
      "report", "one page with everything: data quality, RFM, cohorts, segments, leaderboard");
  page->footer("Example: attune report --output report.html --language zh");
  page->add_option("--output,-o", report->output, "the page")
      ->capture_default_str()
      ->type_name("FILE.html");
  page->add_option("--language", report->language, "en or zh")->capture_default_str();
  page->add_option("--seeds", report->seeds, "splits of the leaderboard; 0 leaves it out")
      ->capture_default_str()
      ->check(CLI::Range(0, 100));
  report->settings.add_to(*page);
  run_when_called(*page, context, report, run_report);

  CLI::App* status = app.add_subcommand("status", "what the data folder holds");
  status->footer("Example: attune --data shop status --json");
  auto told = std::make_shared<AdminArguments>();
  status->add_flag("--accept-loss", told->accept_loss, "rows that were lost are not wanted");
  run_when_called(*status, context, told, run_status);

  auto backup = std::make_shared<AdminArguments>();
  CLI::App* b = app.add_subcommand("backup", "the whole data folder in one file");
  b->footer("Example: attune backup shop-2026-11-22.attune");
  b->add_option("file", backup->file, "the file to write; must not exist")
      ->required()
      ->type_name("FILE");
  b->add_flag("--keys", backup->keys, "put the keys in, so that the file alone opens everything");
  run_when_called(*b, context, backup, run_backup);

  auto restore = std::make_shared<AdminArguments>();
  CLI::App* r = app.add_subcommand("restore", "a data folder out of a backup");
  r->footer("Example: attune --data shop-again restore shop-2026-11-22.attune");
  r->add_option("file", restore->file, "the backup")->required()->type_name("FILE");
  r->add_option("--forgotten", restore->forgotten,
                "keys/suppressed.sqlite of the shop: who was forgotten since the backup")
      ->type_name("FILE");
  run_when_called(*r, context, restore, run_restore);

  auto forget = std::make_shared<AdminArguments>();
  CLI::App* f = app.add_subcommand(
      "forget", "a customer for good: rows, keys, models; their ids are kept out from now on");
  f->footer("Example: attune forget C100001 --json > receipt.json");
  f->add_option("id", forget->ids, "customer or anonymous ids")->required()->type_name("ID");
  run_when_called(*f, context, forget, run_forget);

  auto separate = std::make_shared<AdminArguments>();
  CLI::App* identity = app.add_subcommand("identity", "who is who");
  identity->require_subcommand(1);
  identity->footer("Example: attune identity separate anonymous-7");
  CLI::App* s =
      identity->add_subcommand("separate", "take back that an id was merged into a customer");
  s->add_option("id", separate->id, "the id that was merged")->required();
  run_when_called(*s, context, separate, run_separate);
}

}  // namespace attune::cli
