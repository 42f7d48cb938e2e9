#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

#include "attune/base/money.h"
#include "attune/base/text.h"
#include "attune/base/time.h"
#include "attune/store/cleaning_settings.h"
#include "attune/store/consent_settings.h"
#include "attune/store/data_folder.h"
#include "attune/store/mail_settings.h"
#include "attune/store/webhook_settings.h"

// The same in every file that reads TOML, or the one-definition rule breaks. Input reaches checks
// of toml++ ("[[["); behind them it tells an error as it should, so they may not end the program.
#define TOML_EXCEPTIONS 0
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

namespace attune::store {
namespace {

// One key of attune.toml: how it is read into Settings and shown.
struct Key {
  std::string_view name;
  std::string_view help;
  Status (*read)(const toml::node&, Settings&);
  std::string (*show)(const Settings&);
};

template <class Integer>
Status read_integer(const toml::node& node, Integer& into, std::int64_t low, std::int64_t high) {
  const auto value = node.value_exact<std::int64_t>();
  if (!value || *value < low || *value > high) {
    return std::unexpected(
        invalid_argument(fmt::format("needs a whole number from {} to {}", low, high)));
  }
  into = static_cast<Integer>(*value);
  return {};
}

Result<std::string> read_text(const toml::node& node, std::string_view example) {
  const auto value = node.value_exact<std::string>();
  if (!value) {
    return std::unexpected(
        invalid_argument(fmt::format("needs a text in quotation marks, like {}", example)));
  }
  return *value;
}

Status read_time_zone(const toml::node& node, Settings& settings) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string name, read_text(node, "\"Europe/London\""));
  ATTUNE_RETURN_IF_ERROR(TimeZone::find(name));
  settings.time_zone = name;
  return {};
}

Status read_currency(const toml::node& node, Settings& settings) {
  ATTUNE_ASSIGN_OR_RETURN(const std::string code, read_text(node, "\"EUR\""));
  settings.reporting_currency.clear();
  if (code.empty()) return {};
  ATTUNE_ASSIGN_OR_RETURN(const Currency currency, Currency::of_stored(code));
  settings.reporting_currency = currency.to_string();
  return {};
}

Status read_memory(const toml::node& node, Settings& settings) {
  std::int64_t value = 0;
  ATTUNE_RETURN_IF_ERROR(read_integer(node, value, 0, std::int64_t{1} << 30));
  if (value != 0 && value < 256) {
    return std::unexpected(invalid_argument("needs 0, or at least 256 (megabytes)"));
  }
  settings.memory_limit_mb = value;
  return {};
}

std::string in_quotes(const std::string& text) { return '"' + text + '"'; }

constexpr std::array<Key, 6> kKeys{{
    {"time_zone", "Days and weeks are counted in this zone of the tz database.", read_time_zone,
     [](const Settings& s) { return in_quotes(s.time_zone); }},
    {"reporting_currency", "Currency of sums (ISO 4217), like \"EUR\"; empty: not chosen yet.",
     read_currency, [](const Settings& s) { return in_quotes(s.reporting_currency); }},
    {"session_gap_minutes", "A visit ends when nothing happens for so long (1 to 1440).",
     [](const toml::node& node, Settings& s) {
       return read_integer(node, s.session_gap_minutes, 1, 1440);
     },
     [](const Settings& s) { return std::to_string(s.session_gap_minutes); }},
    {"keep_days", "Journal files are deleted after so many days, once applied (1 to 36500).",
     [](const toml::node& node, Settings& s) { return read_integer(node, s.keep_days, 1, 36500); },
     [](const Settings& s) { return std::to_string(s.keep_days); }},
    {"threads", "Threads of long work (0: as many as the machine has).",
     [](const toml::node& node, Settings& s) { return read_integer(node, s.threads, 0, 1024); },
     [](const Settings& s) { return std::to_string(s.threads); }},
    {"memory_limit_mb", "Memory of the history, in megabytes (0: half of the machine's).",
     read_memory, [](const Settings& s) { return std::to_string(s.memory_limit_mb); }},
}};

// The same of the section [mail].
struct MailKey {
  std::string_view name;
  std::string_view help;
  Status (*read)(const toml::node&, MailSettings&);
  std::string (*show)(const MailSettings&);
};

template <std::string MailSettings::* Member>
Status read_mail_text(const toml::node& node, MailSettings& mail) {
  ATTUNE_ASSIGN_OR_RETURN(mail.*Member, read_text(node, "\"…\""));
  return {};
}

Status read_flag(const toml::node& node, bool& into) {
  const auto value = node.value_exact<bool>();
  if (!value) return std::unexpected(invalid_argument("needs true or false"));
  into = *value;
  return {};
}

template <bool MailSettings::* Member>
Status read_mail_flag(const toml::node& node, MailSettings& mail) {
  return read_flag(node, mail.*Member);
}

Status read_security(const toml::node& node, MailSettings& mail) {
  ATTUNE_ASSIGN_OR_RETURN(mail.security, read_text(node, "\"starttls\""));
  const std::vector<std::string> known{"none", "starttls", "tls"};
  if (std::ranges::find(known, mail.security) != known.end()) return {};
  return std::unexpected(invalid_argument(
      fmt::format("there is no security '{}'{}; there are none, starttls and tls",
                  attune::quoted(mail.security), did_you_mean(mail.security, known))));
}

Status read_rate(const toml::node& node, double& into) {
  const auto value = node.value<double>();
  if (!value || !(*value >= 0 && *value <= 10'000)) {
    return std::unexpected(invalid_argument("needs a number from 0 to 10000"));
  }
  into = *value;
  return {};
}

Status read_from(const toml::node& node, MailSettings& mail) {
  ATTUNE_ASSIGN_OR_RETURN(mail.from, read_text(node, "\"Shop <news@shop.example>\""));
  if (mail.from.contains('@')) return {};
  return std::unexpected(invalid_argument("needs an address, like \"Shop <news@shop.example>\""));
}

Status read_links(const toml::node& node, MailSettings& mail) {
  ATTUNE_ASSIGN_OR_RETURN(mail.links, read_text(node, "\"https://mail.shop.example\""));
  if (mail.links.starts_with("https://") && !mail.links.ends_with('/')) return {};
  return std::unexpected(invalid_argument(
      "needs an https URL without '/' at its end, like \"https://mail.shop.example\""));
}

std::string show_flag(bool flag) { return flag ? "true" : "false"; }

constexpr std::array<MailKey, 15> kMailKeys{{
    {"host", "Server that takes our mail.", read_mail_text<&MailSettings::host>,
     [](const MailSettings& m) { return in_quotes(m.host); }},
    {"port", "Its port (1 to 65535).",
     [](const toml::node& node, MailSettings& m) { return read_integer(node, m.port, 1, 65535); },
     [](const MailSettings& m) { return std::to_string(m.port); }},
    {"security", "none, starttls or tls.", read_security,
     [](const MailSettings& m) { return in_quotes(m.security); }},
    {"user", "Name to log in with; empty: no login.", read_mail_text<&MailSettings::user>,
     [](const MailSettings& m) { return in_quotes(m.user); }},
    {"password_file", "File whose first line is the password.",
     read_mail_text<&MailSettings::password_file>,
     [](const MailSettings& m) { return in_quotes(m.password_file); }},
    {"inner_network", "The server may be this machine, or one of its network.",
     read_mail_flag<&MailSettings::inner_network>,
     [](const MailSettings& m) { return show_flag(m.inner_network); }},
    {"per_second", "Messages a second at most (0: as fast as it goes).",
     [](const toml::node& node, MailSettings& m) { return read_rate(node, m.per_second); },
     [](const MailSettings& m) { return fmt::format("{}", m.per_second); }},
    {"from", "Who writes: \"Shop <news@shop.example>\".", read_from,
     [](const MailSettings& m) { return in_quotes(m.from); }},
    {"reply_to", "Where answers go, where that is another address.",
     read_mail_text<&MailSettings::reply_to>,
     [](const MailSettings& m) { return in_quotes(m.reply_to); }},
    {"bounces", "Where bounces go, where that is another address.",
     read_mail_text<&MailSettings::bounces>,
     [](const MailSettings& m) { return in_quotes(m.bounces); }},
    {"links", "Before every link of ours: \"https://mail.shop.example\".", read_links,
     [](const MailSettings& m) { return in_quotes(m.links); }},
    {"unsubscribe_address", "A mailbox that also takes withdrawals.",
     read_mail_text<&MailSettings::unsubscribe_address>,
     [](const MailSettings& m) { return in_quotes(m.unsubscribe_address); }},
    {"count_clicks", "Links of templates lead through ours.",
     read_mail_flag<&MailSettings::count_clicks>,
     [](const MailSettings& m) { return show_flag(m.count_clicks); }},
    {"count_opens", "A pixel at the end of HTML.", read_mail_flag<&MailSettings::count_opens>,
     [](const MailSettings& m) { return show_flag(m.count_opens); }},
    {"templates", "Folder of templates.", read_mail_text<&MailSettings::templates>,
     [](const MailSettings& m) { return in_quotes(m.templates); }},
}};

Status read_hook_url(const toml::node& node, WebhookSettings& hook) {
  ATTUNE_ASSIGN_OR_RETURN(hook.url, read_text(node, "\"https://hooks.shop.example/attune\""));
  if (hook.url.starts_with("https://") || hook.url.starts_with("http://")) return {};
  return std::unexpected(
      invalid_argument("needs a URL, like \"https://hooks.shop.example/attune\""));
}

// The same of the section [webhook].
struct WebhookKey {
  std::string_view name;
  std::string_view help;
  Status (*read)(const toml::node&, WebhookSettings&);
  std::string (*show)(const WebhookSettings&);
};
constexpr std::array<WebhookKey, 4> kWebhookKeys{{
    {"url", "Program of the shop's that takes what campaigns send by webhook.", read_hook_url,
     [](const WebhookSettings& w) { return in_quotes(w.url); }},
    {"secret_file", "File of secrets, \"whsec_…\" a line; nobody else may read it.",
     [](const toml::node& node, WebhookSettings& w) -> Status {
       ATTUNE_ASSIGN_OR_RETURN(w.secret_file, read_text(node, "\"webhook.secret\""));
       return {};
     },
     [](const WebhookSettings& w) { return in_quotes(w.secret_file); }},
    {"inner_network", "The receiver may be this machine, or one of its network.",
     [](const toml::node& node, WebhookSettings& w) { return read_flag(node, w.inner_network); },
     [](const WebhookSettings& w) { return show_flag(w.inner_network); }},
    {"per_second", "Messages a second at most (0: as fast as it goes).",
     [](const toml::node& node, WebhookSettings& w) { return read_rate(node, w.per_second); },
     [](const WebhookSettings& w) { return fmt::format("{}", w.per_second); }},
}};

template <class Keys>
std::vector<std::string> key_names(const Keys& keys) {
  std::vector<std::string> names;
  for (const auto& key : keys) names.emplace_back(key.name);
  return names;
}

// Reads a key by the table that knows it. `section`: in front of names, as "mail.".
template <class Keys, class Into>
Status read_key(const Keys& keys, std::string_view section, std::string_view name,
                const toml::node& node, Into& into) {
  for (const auto& key : keys) {
    if (key.name != name) continue;
    if (Status read = key.read(node, into); !read) {
      Error error = read.error();
      error.message = fmt::format("{}{}: {}", section, name, error.message);
      return std::unexpected(std::move(error));
    }
    return {};
  }
  std::vector<std::string> names = key_names(keys);
  if (section.empty()) names.insert(names.end(), {"cleaning", "consent", "mail", "webhook"});
  return std::unexpected(invalid_argument(
      fmt::format("there is no setting '{}{}'{}", section, name, did_you_mean(name, names))));
}

Error at_line(Error error, std::string_view file, const toml::node& node) {
  error.message = fmt::format("{}:{}: {}", file, node.source().begin.line, error.message);
  return error;
}

Status read_mail(const toml::node& node, std::string_view file, MailSettings& mail) {
  const toml::table* table = node.as_table();
  if (table == nullptr) {
    return std::unexpected(
        at_line(invalid_argument("mail: needs a section of its own, [mail]"), file, node));
  }
  for (const auto& [name, value] : *table) {
    if (Status read = read_key(kMailKeys, "mail.", name.str(), value, mail); !read)
      return std::unexpected(at_line(read.error(), file, value));
  }
  for (const auto& [name, value] : {std::pair("host", &mail.host), std::pair("from", &mail.from),
                                    std::pair("links", &mail.links)}) {
    if (!value->empty()) continue;
    return std::unexpected(at_line(
        invalid_argument(fmt::format("[mail] needs {}; without a mail server put # in front of the "
                                     "section's lines",
                                     name)),
        file, node));
  }
  if (!mail.user.empty() && mail.password_file.empty()) {
    return std::unexpected(
        at_line(invalid_argument("[mail] has a user and needs password_file, which names a file"),
                file, node));
  }
  return {};
}

Status read_webhook(const toml::node& node, std::string_view file, WebhookSettings& hook) {
  const toml::table* table = node.as_table();
  if (table == nullptr) {
    return std::unexpected(
        at_line(invalid_argument("webhook: needs a section of its own, [webhook]"), file, node));
  }
  for (const auto& [name, value] : *table) {
    if (Status read = read_key(kWebhookKeys, "webhook.", name.str(), value, hook); !read)
      return std::unexpected(at_line(read.error(), file, value));
  }
  const auto wrong = [&](std::string what) {
    return std::unexpected(at_line(invalid_argument(std::move(what)), file, node));
  };
  if (hook.url.empty()) return wrong("[webhook] needs url, where messages are posted to");
  if (hook.secret_file.empty())
    return wrong("[webhook] needs secret_file, which names the file that signatures are made with");
  if (hook.url.starts_with("http://") && !hook.inner_network) {
    return wrong(
        "webhook.url: names customers in the clear; needs https:// (http:// only with "
        "inner_network = true)");
  }
  return {};
}

// Lists of texts, each with its line.
Status read_rules(const toml::node& node, ConsentSettings& consent) {
  const toml::array* list = node.as_array();
  const Error wrong = invalid_argument("needs a list of texts, like [\"US:email=opt-out\"]");
  if (list == nullptr) return std::unexpected(wrong);
  for (const toml::node& one : *list) {
    const auto text = one.value_exact<std::string>();
    if (!text) return std::unexpected(wrong);
    consent.rules.push_back({*text, static_cast<int>(one.source().begin.line)});
  }
  return {};
}

// The same of the section [consent].
struct ConsentKey {
  std::string_view name;
  Status (*read)(const toml::node&, ConsentSettings&);
};
constexpr std::array<ConsentKey, 2> kConsentKeys{{
    {"region",
     [](const toml::node& node, ConsentSettings& consent) -> Status {
       ATTUNE_ASSIGN_OR_RETURN(consent.region, read_text(node, "\"country\""));
       if (!consent.region.empty()) return {};
       return std::unexpected(invalid_argument("needs the name of a trait, like \"country\""));
     }},
    {"rules", read_rules},
}};

Status read_consent(const toml::node& node, std::string_view file, ConsentSettings& consent) {
  const toml::table* table = node.as_table();
  if (table == nullptr) {
    return std::unexpected(
        at_line(invalid_argument("consent: needs a section of its own, [consent]"), file, node));
  }
  for (const auto& [name, value] : *table) {
    if (Status read = read_key(kConsentKeys, "consent.", name.str(), value, consent); !read)
      return std::unexpected(at_line(read.error(), file, value));
  }
  return {};
}

// Names and values as they stand; what they may be is checked above this layer.
Status read_cleaning(const toml::node& node, std::string_view file,
                     std::vector<CleaningSetting>& settings) {
  const toml::table* table = node.as_table();
  if (table == nullptr) {
    return std::unexpected(
        at_line(invalid_argument("cleaning: needs a section of its own, [cleaning]"), file, node));
  }
  for (const auto& [name, value] : *table) {
    CleaningSetting& one = settings.emplace_back();
    one.name = name.str();
    one.line = static_cast<int>(value.source().begin.line);
    if (value.is_boolean()) {
      one.value = show_flag(*value.value<bool>());
    } else if (value.is_integer()) {
      one.value = fmt::format("{}", *value.value<std::int64_t>());
    } else if (value.is_floating_point()) {
      one.value = fmt::format("{}", *value.value<double>());
    } else {
      return std::unexpected(at_line(
          invalid_argument(fmt::format("cleaning.{}: needs a number, or true or false", one.name)),
          file, value));
    }
  }
  return {};
}

Result<toml::table> parse_toml(std::string_view text, std::string_view file) {
  toml::parse_result parsed = toml::parse(text, file);
  if (parsed) return std::move(parsed).table();
  const toml::parse_error& error = parsed.error();
  return std::unexpected(invalid_argument(
      fmt::format("{}:{}:{}: {}; mend that line, or put # in front of it", file,
                  error.source().begin.line, error.source().begin.column, error.description())));
}

}  // namespace

Result<Settings> parse_settings(std::string_view text, std::string_view file) {
  ATTUNE_ASSIGN_OR_RETURN(const toml::table table, parse_toml(text, file));
  Settings settings;
  for (const auto& [name, node] : table) {
    if (name.str() == "mail") {
      MailSettings checked;
      ATTUNE_RETURN_IF_ERROR(read_mail(node, file, checked));
    } else if (name.str() == "webhook") {
      WebhookSettings checked;
      ATTUNE_RETURN_IF_ERROR(read_webhook(node, file, checked));
    } else if (name.str() == "consent") {
      ConsentSettings checked;
      ATTUNE_RETURN_IF_ERROR(read_consent(node, file, checked));
    } else if (name.str() == "cleaning") {
      std::vector<CleaningSetting> checked;
      ATTUNE_RETURN_IF_ERROR(read_cleaning(node, file, checked));
    } else if (Status read = read_key(kKeys, "", name.str(), node, settings); !read) {
      return std::unexpected(at_line(read.error(), file, node));
    }
  }
  return settings;
}

Result<std::optional<MailSettings>> parse_mail_settings(std::string_view text,
                                                        std::string_view file) {
  ATTUNE_ASSIGN_OR_RETURN(const toml::table table, parse_toml(text, file));
  const toml::node* node = table.get("mail");
  if (node == nullptr) return std::optional<MailSettings>();
  MailSettings mail;
  ATTUNE_RETURN_IF_ERROR(read_mail(*node, file, mail));
  return std::optional(std::move(mail));
}

Result<std::optional<WebhookSettings>> parse_webhook_settings(std::string_view text,
                                                              std::string_view file) {
  ATTUNE_ASSIGN_OR_RETURN(const toml::table table, parse_toml(text, file));
  const toml::node* node = table.get("webhook");
  if (node == nullptr) return std::optional<WebhookSettings>();
  WebhookSettings hook;
  ATTUNE_RETURN_IF_ERROR(read_webhook(*node, file, hook));
  return std::optional(std::move(hook));
}

Result<ConsentSettings> parse_consent_settings(std::string_view text, std::string_view file) {
  ATTUNE_ASSIGN_OR_RETURN(const toml::table table, parse_toml(text, file));
  ConsentSettings consent;
  if (const toml::node* node = table.get("consent"))
    ATTUNE_RETURN_IF_ERROR(read_consent(*node, file, consent));
  return consent;
}

Result<std::vector<CleaningSetting>> parse_cleaning_settings(std::string_view text,
                                                             std::string_view file) {
  ATTUNE_ASSIGN_OR_RETURN(const toml::table table, parse_toml(text, file));
  std::vector<CleaningSetting> settings;
  if (const toml::node* node = table.get("cleaning"))
    ATTUNE_RETURN_IF_ERROR(read_cleaning(*node, file, settings));
  return settings;
}

std::string format_settings(const Settings& settings) {
  const Settings defaults;
  std::string text = "# Settings of this shop. A line that begins with # keeps its default.\n";
  for (const Key& key : kKeys) {
    const std::string value = key.show(settings);
    text += fmt::format("\n# {}\n{}{} = {}\n", key.help, value == key.show(defaults) ? "# " : "",
                        key.name, value);
  }
  text +=
      "\n# Rules of cleaning that this shop sets otherwise; attune clean applies them, its --help "
      "lists all.\n"
      "# [cleaning]\n# bots = false\n# outlier_threshold = 8\n";
  text +=
      "\n# Where customers who never said anything may be written to, by the trait that names "
      "their\n"
      "# region. Without rules: nowhere, by e-mail, sms or push.\n"
      "# [consent]\n# region = \"country\"\n# rules = [\"US:email=opt-out\"]\n";
  text += "\n# Mail of campaigns: take the # away from the section and from what you set.\n";
  text += "# [mail]\n";
  for (const MailKey& key : kMailKeys)
    text += fmt::format("# {} = {} # {}\n", key.name, key.show(MailSettings()), key.help);
  text += "\n# Where campaigns of the channel webhook send to.\n# [webhook]\n";
  for (const WebhookKey& key : kWebhookKeys)
    text += fmt::format("# {} = {} # {}\n", key.name, key.show(WebhookSettings()), key.help);
  return text;
}

}  // namespace attune::store
