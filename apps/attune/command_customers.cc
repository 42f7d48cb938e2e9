// attune profile, segments, cluster: who the customers are.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json.hpp>

#include "attune/base/text.h"
#include "attune/engine/quality_view.h"
#include "command.h"
#include "context.h"

namespace attune::cli {
namespace {

using profiles::Profile;

struct CustomerArguments {
  std::string id;
  std::string rule, name, description;
  bool replace = false;
  std::int64_t limit = 20;
  std::vector<std::string> cluster_set;
  ProfileSettings settings;
};
using CustomerCall = std::shared_ptr<CustomerArguments>;

// Customers keep the workspace's address: both stay where they are.
struct OpenedCustomers {
  std::unique_ptr<engine::Workspace> owned;
  std::unique_ptr<engine::Customers> customers;
  Currency currency;

  engine::Workspace& workspace() const { return *owned; }
};

Result<OpenedCustomers> open_customers(Context& context, const ProfileSettings& settings) {
  ATTUNE_ASSIGN_OR_RETURN(engine::Workspace workspace, context.open());
  OpenedCustomers opened{std::make_unique<engine::Workspace>(std::move(workspace)), nullptr, {}};
  ATTUNE_ASSIGN_OR_RETURN(const auto options, settings.options(opened.workspace()));
  ATTUNE_ASSIGN_OR_RETURN(engine::Customers customers,
                          engine::Customers::open(opened.workspace(), options, context.progress()));
  opened.customers = std::make_unique<engine::Customers>(std::move(customers));
  ATTUNE_ASSIGN_OR_RETURN(const auto currency, opened.workspace().reporting_currency());
  opened.currency = currency.value_or(Currency{});
  context.end_progress();
  ATTUNE_ASSIGN_OR_RETURN(const auto foreign, opened.customers->foreign_amounts());
  if (!foreign.empty()) {
    context.note(
        fmt::format("amounts in another currency than the reporting one count as orders and stand "
                    "in no sum: {}",
                    engine::counts_by_currency(foreign)));
  }
  return opened;
}

std::string days_text(const std::optional<double>& days) {
  return days ? fmt::format("{:.1f}", *days) : "too few purchases";
}

std::string shares(const std::vector<profiles::TermShare>& all, profiles::TermKindOf kind,
                   const profiles::Vocabulary& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, all.size()); ++i) {
    text += fmt::format("{}{} ({:.0f} %)", text.empty() ? "" : ", ", names.term(kind, all[i].term),
                        100 * all[i].share);
  }
  return text.empty() ? "not known" : text;
}

// Decayed interest in the categories that lead, of all of it.
std::string interest_text(const Profile& p, const profiles::Vocabulary& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, p.categories.size()); ++i) {
    text += fmt::format("{}{} {:.1f}", text.empty() ? "" : ", ",
                        names.term(profiles::TermKindOf::category, p.categories[i].term),
                        p.categories[i].interest);
  }
  return fmt::format("{}{:.1f} in all", text.empty() ? "" : text + "; ", p.engagement);
}

// What they did, the commonest first.
std::string counts_text(const Profile& p) {
  std::vector<std::pair<std::uint64_t, int>> types;
  for (int type = 0; type < events::kEventTypeCount; ++type) {
    const std::uint64_t total = p.counts[static_cast<std::size_t>(type)].total;
    if (total > 0) types.emplace_back(total, type);
  }
  std::ranges::stable_sort(types, std::greater<>(), [](const auto& t) { return t.first; });
  std::string text;
  for (const auto& [total, type] : types) {
    const profiles::WindowCounts& counts = p.counts[static_cast<std::size_t>(type)];
    text += fmt::format("{}{} {} ({} in {} days)", text.empty() ? "" : ", ",
                        events::name(static_cast<events::EventType>(type)),
                        with_thousands(static_cast<std::int64_t>(total)),
                        with_thousands(static_cast<std::int64_t>(counts.windows[1])),
                        profiles::kWindowDays[1]);
  }
  return text.empty() ? "none" : text;
}

void print_profile(Context& context, const OpenedCustomers& opened, const std::string& id,
                   const Profile& p) {
  const TimeZone& zone = opened.workspace().zone();
  const auto& names = opened.customers->names();
  report::Table table({{"customer", report::Align::left, 0}, {id, report::Align::left, 1}});
  const auto row = [&](const char* name, std::string value) {
    table.row({name, std::move(value)});
  };
  row("as of", date_of(p.as_of, zone));
  row("stage", std::string(profiles::name(p.lifecycle)));
  row("value tier", std::string(profiles::name(p.value_tier)));
  if (p.rfm)
    row("RFM scores",
        fmt::format("recency {}, frequency {}, monetary {} (5 is best unless rfm.k is set)",
                    p.rfm->recency, p.rfm->frequency, p.rfm->monetary));
  row("recency", p.recency_days ? fmt::format("{} days", *p.recency_days) : "never bought");
  row("frequency", fmt::format("{} orders, {} lines", p.frequency, p.purchase_lines));
  row("monetary",
      money(p.monetary_cents, opened.currency) +
          (p.refund_cents > 0 ? " after refunds of " + money(p.refund_cents, opened.currency)
                              : ""));
  if (p.average_basket_cents)
    row("average basket", money(*p.average_basket_cents, opened.currency));
  row("days between purchases", days_text(p.inter_purchase_days_mean));
  if (p.first_purchase)
    row("purchases", date_of(*p.first_purchase, zone) + " to " + date_of(*p.last_purchase, zone));
  row("categories", shares(p.categories, profiles::TermKindOf::category, names));
  row("interest", interest_text(p, names));
  row("brands", shares(p.brands, profiles::TermKindOf::brand, names));
  row("channels", shares(p.channels, profiles::TermKindOf::channel, names));
  row("price band", std::string(profiles::name(p.price_band)));
  row("day part, weekday",
      fmt::format("{}, {}", profiles::name(p.day_part), profiles::weekday_name(p.weekday)));
  row("counts", counts_text(p));
  std::string recent;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, p.recent_items.size()); ++i) {
    const auto* item = opened.customers->catalog().find(p.recent_items[i].item);
    if (item != nullptr)
      recent += (recent.empty() ? "" : ", ") + (item->name.empty() ? item->id : item->name);
  }
  if (!recent.empty()) row("recent items", recent);
  if (!p.recent_searches.empty())
    row("recent searches", fmt::format("{}", fmt::join(p.recent_searches, ", ")));
  row("segments", p.segments.empty() ? "none" : fmt::format("{}", fmt::join(p.segments, ", ")));
  context.print(table);
}

Status run_profile(Context& context, const CustomerCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCustomers opened, open_customers(context, arguments->settings));
  ATTUNE_ASSIGN_OR_RETURN(const Profile profile, opened.customers->find(arguments->id));
  ATTUNE_ASSIGN_OR_RETURN(const std::string label,
                          opened.workspace().identity().label(profile.customer));
  if (!context.json) {
    print_profile(context, opened, label, profile);
    return {};
  }
  boost::json::object object =
      boost::json::parse(profiles::to_json(profile, opened.customers->names())).as_object();
  object["customer_id"] = label;
  ATTUNE_ASSIGN_OR_RETURN(const auto traits,
                          opened.workspace().identity().traits(profile.customer));
  boost::json::object told;
  for (const auto& trait : traits) told[trait.name] = trait.value;
  object["traits"] = told;
  context.print(boost::json::serialize(object) + "\n");
  return {};
}

Status run_list(Context& context, const CustomerCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCustomers opened, open_customers(context, arguments->settings));
  ATTUNE_ASSIGN_OR_RETURN(const auto sizes, opened.customers->refresh_segments());
  ATTUNE_ASSIGN_OR_RETURN(const std::int64_t everybody, opened.customers->count());
  if (context.json) {
    boost::json::array list;
    for (const auto& size : sizes) {
      list.push_back(boost::json::object{{"name", size.segment.name},
                                         {"rule", size.segment.rule},
                                         {"description", size.segment.description},
                                         {"members", size.members},
                                         {"monetary_cents", size.monetary_cents}});
    }
    context.print(
        boost::json::serialize(boost::json::object{{"as_of", format_iso(opened.customers->as_of())},
                                                   {"customers", everybody},
                                                   {"segments", list}}) +
        "\n");
    return {};
  }
  report::Table table({{"segment", report::Align::left, 0},
                       {"members", report::Align::right, 0},
                       {"share", report::Align::right, 0},
                       {"monetary", report::Align::right, 0},
                       {"rule", report::Align::left, 2}});
  for (const auto& size : sizes) {
    table.row({size.segment.name, with_thousands(size.members),
               everybody == 0 ? ""
                              : fmt::format("{:.1f} %", 100.0 * static_cast<double>(size.members) /
                                                            static_cast<double>(everybody)),
               money(size.monetary_cents, opened.currency), size.segment.rule});
  }
  context.print(table);
  context.print(fmt::format("{} customers as of {}.\n", with_thousands(everybody),
                            date_of(opened.customers->as_of(), opened.workspace().zone())));
  return {};
}

Status run_preview(Context& context, const CustomerCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCustomers opened, open_customers(context, arguments->settings));
  ATTUNE_ASSIGN_OR_RETURN(
      const auto preview,
      opened.customers->preview(arguments->rule, static_cast<std::size_t>(arguments->limit)));
  boost::json::array examples;
  report::Table table({{"customer", report::Align::left, 0},
                       {"stage", report::Align::left, 1},
                       {"orders", report::Align::right, 0},
                       {"recency (days)", report::Align::right, 0},
                       {"monetary", report::Align::right, 0}});
  for (const Profile& p : preview.examples()) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string label,
                            opened.workspace().identity().label(p.customer));
    examples.push_back(boost::json::object{
        {"customer_id", label}, {"frequency", p.frequency}, {"monetary_cents", p.monetary_cents}});
    table.row({label, std::string(profiles::name(p.lifecycle)), with_thousands(p.frequency),
               p.recency_days ? with_thousands(*p.recency_days) : "",
               money(p.monetary_cents, opened.currency)});
  }
  if (context.json) {
    context.print(
        boost::json::serialize(boost::json::object{{"rule", arguments->rule},
                                                   {"customers", preview.customers()},
                                                   {"members", preview.members()},
                                                   {"monetary_cents", preview.monetary_cents()},
                                                   {"examples", examples}}) +
        "\n");
    return {};
  }
  context.print(fmt::format("{} of {} customers, {} in all:\n", with_thousands(preview.members()),
                            with_thousands(preview.customers()),
                            money(preview.monetary_cents(), opened.currency)));
  context.print(table);
  return {};
}

Status run_save(Context& context, const CustomerCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCustomers opened, open_customers(context, arguments->settings));
  ATTUNE_RETURN_IF_ERROR(opened.customers->save_segment(
      arguments->name, arguments->rule, arguments->description, arguments->replace));
  ATTUNE_ASSIGN_OR_RETURN(const auto sizes, opened.customers->refresh_segments());
  for (const auto& size : sizes) {
    if (size.segment.name != arguments->name) continue;
    if (context.json) {
      context.print(boost::json::serialize(boost::json::object{{"name", size.segment.name},
                                                               {"members", size.members}}) +
                    "\n");
    } else {
      context.print(fmt::format("Saved '{}': {} members.\n", size.segment.name,
                                with_thousands(size.members)));
    }
  }
  return {};
}

Status run_remove(Context& context, const CustomerCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCustomers opened, open_customers(context, arguments->settings));
  ATTUNE_RETURN_IF_ERROR(opened.customers->remove_segment(arguments->name));
  if (context.json) {
    context.print(
        boost::json::serialize(boost::json::object{{"name", arguments->name}, {"removed", true}}) +
        "\n");
  } else {
    context.print(fmt::format("Removed '{}'.\n", arguments->name));
  }
  return {};
}

Status run_members(Context& context, const CustomerCall& arguments) {
  ATTUNE_ASSIGN_OR_RETURN(OpenedCustomers opened, open_customers(context, arguments->settings));
  ATTUNE_ASSIGN_OR_RETURN(const auto refreshed, opened.customers->refresh_segments());
  (void)refreshed;
  ATTUNE_ASSIGN_OR_RETURN(const auto members,
                          opened.customers->members(arguments->name, {}, arguments->limit));
  boost::json::array list;
  report::Table table({{"customer", report::Align::left, 0}, {"since", report::Align::left, 0}});
  for (const auto& member : members) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string label,
                            opened.workspace().identity().label(member.customer));
    boost::json::object row{{"customer_id", label}};
    if (member.entered_at) row["entered_at"] = format_iso(*member.entered_at);
    list.push_back(std::move(row));
    table.row({label, member.entered_at ? date_of(*member.entered_at, opened.workspace().zone())
                                        : std::string()});
  }
  if (context.json) {
    context.print(boost::json::serialize(
                      boost::json::object{{"segment", arguments->name}, {"members", list}}) +
                  "\n");
  } else {
    context.print(table);
    context.print(fmt::format(
        "All of them into a file: attune export profiles --segment \"{}\" --output members.csv\n",
        arguments->name));
  }
  return {};
}

Status run_cluster(Context& context, const CustomerCall& arguments) {
  profiles::ClusterParameters parameters;
  for (const std::string& text : arguments->cluster_set) {
    ATTUNE_ASSIGN_OR_RETURN(const engine::Setting setting, engine::parse_setting(text));
    if (setting.scope != "cluster") {
      return std::unexpected(invalid_argument(
          fmt::format("--set {}: here it is cluster.PARAMETER=VALUE, such as cluster.k=4", text)));
    }
    ATTUNE_RETURN_IF_ERROR(
        profiles::ClusterParameters::table().set(parameters, setting.parameter, setting.value));
  }
  ProfileSettings moment;
  moment.as_of = arguments->settings.as_of;
  ATTUNE_ASSIGN_OR_RETURN(OpenedCustomers opened, open_customers(context, moment));
  ATTUNE_ASSIGN_OR_RETURN(const profiles::Clustering clustering,
                          opened.customers->cluster(parameters, context.progress()));
  context.end_progress();
  if (context.json) {
    context.print(profiles::to_json(clustering) + "\n");
    return {};
  }
  report::Table table({{"cluster", report::Align::left, 0},
                       {"customers", report::Align::right, 0},
                       {"share", report::Align::right, 0},
                       {"monetary", report::Align::right, 0},
                       {"what sets it apart", report::Align::left, 1}});
  for (const auto& cluster : clustering.clusters) {
    table.row({cluster.name, with_thousands(cluster.size),
               fmt::format("{:.1f} %", 100 * cluster.share),
               money(cluster.monetary_cents, opened.currency), cluster.description});
  }
  context.print(table);
  context.print(fmt::format(
      "J = {:.1f} over {} customers ({} iterations{}); separation {:.2f} of 1.\n",
      clustering.objective, with_thousands(static_cast<std::int64_t>(clustering.customers.size())),
      clustering.iterations, clustering.converged ? "" : ", not converged", clustering.separation));
  return {};
}

}  // namespace

void add_customers(CLI::App& app, Context& context) {
  auto profile = std::make_shared<CustomerArguments>();
  CLI::App* one = app.add_subcommand("profile", "who one customer is");
  one->footer("Example: attune profile 17850 --as-of 2011-12-09");
  one->add_option("id", profile->id, "the customer's id, or an anonymous one")->required();
  profile->settings.add_to(*one);
  run_when_called(*one, context, profile, run_profile);

  CLI::App* segments = app.add_subcommand("segments", "named sets of customers by rule");
  segments->require_subcommand(1);
  segments->footer(R"(Examples:
  attune segments list
  attune segments preview 'monetary_cents > 50000 and recency_days < 30'
  attune segments save vip 'monetary_cents > 50000 and likes("category:shoes")'
  attune segments members vip)");
  const auto sub = [&](const char* name, const char* help,
                       Status (*run)(Context&, const CustomerCall&), auto add_options) {
    auto arguments = std::make_shared<CustomerArguments>();
    CLI::App* command = segments->add_subcommand(name, help);
    add_options(*command, *arguments);
    arguments->settings.add_to(*command);
    run_when_called(*command, context, arguments, run);
  };
  sub("list", "every segment with its size", run_list, [](CLI::App&, CustomerArguments&) {});
  sub("preview", "who a rule would hold for", run_preview,
      [](CLI::App& command, CustomerArguments& a) {
        a.limit = 10;
        command.add_option("rule", a.rule, "the rule")->required();
        command.add_option("--examples", a.limit, "how many to show")
            ->capture_default_str()
            ->check(CLI::Range(0, 1000));
      });
  sub("save", "keep a rule under a name", run_save, [](CLI::App& command, CustomerArguments& a) {
    command.add_option("name", a.name, "the segment's name")->required();
    command.add_option("rule", a.rule, "the rule")->required();
    command.add_option("--description", a.description, "one line for people");
    command.add_flag("--replace", a.replace, "take the place of a segment of this name");
  });
  sub("members", "who is in a segment, and since when", run_members,
      [](CLI::App& command, CustomerArguments& a) {
        command.add_option("name", a.name, "the segment's name")->required();
        command.add_option("--limit", a.limit, "how many to show")
            ->capture_default_str()
            ->check(CLI::Range(1, 1'000'000));
      });
  sub("remove", "forget a segment", run_remove, [](CLI::App& command, CustomerArguments& a) {
    command.add_option("name", a.name, "the segment's name")->required();
  });

  auto clusters = std::make_shared<CustomerArguments>();
  CLI::App* cluster =
      app.add_subcommand("cluster", "groups of customers that nobody named beforehand (k-means)");
  cluster->footer("Example: attune cluster --set cluster.k=4");
  cluster
      ->add_option(
          "--set", clusters->cluster_set,
          "cluster.k, cluster.start (plus_plus or random), cluster.restarts, cluster.seed, …")
      ->allow_extra_args(false);
  cluster->add_option("--as-of", clusters->settings.as_of, "read profiles as of this day");
  run_when_called(*cluster, context, clusters, run_cluster);
}

}  // namespace attune::cli
