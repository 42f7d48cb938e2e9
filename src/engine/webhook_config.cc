#include "webhook_config.h"

#include <sys/stat.h>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/files.h"
#include "attune/base/text.h"

namespace attune::engine {
namespace {

namespace json = boost::json;

constexpr std::size_t kSecretBytes = 4096;
constexpr std::size_t kSettingsBytes = 1 << 20;
constexpr std::size_t kSecretsMax = 2;
constexpr int kConnectMs = 5'000, kAnswerMs = 15'000;

}  // namespace

Status check_private(const std::filesystem::path& file, std::string_view setting) {
  struct stat about{};
  if (::stat(file.c_str(), &about) != 0 || (about.st_mode & 077) == 0) return {};
  return std::unexpected(failed_precondition(
      fmt::format("others may read {}, which holds the secret of {}; chmod 600 {}", file.string(),
                  setting, file.string())));
}

Result<store::WebhookSettings> webhook_section(const store::DataFolder& folder) {
  const std::string file = folder.settings_file().string();
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, read_file(file, kSettingsBytes));
  ATTUNE_ASSIGN_OR_RETURN(auto hook, store::parse_webhook_settings(text, file));
  if (hook) return std::move(*hook);
  return std::unexpected(failed_precondition(fmt::format(
      "{} names no receiver of webhooks; write a section into it:\n"
      "[webhook]\nurl = \"https://hooks.shop.example/attune\"\nsecret_file = \"webhook.secret\"\n"
      "and the receiver's secret (whsec_…) into that file, chmod 600",
      file)));
}

Result<std::vector<deliver::WebhookSecret>> webhook_secrets(const store::DataFolder& folder,
                                                            const store::WebhookSettings& hook) {
  const std::filesystem::path file = folder.root() / hook.secret_file;
  ATTUNE_RETURN_IF_ERROR(check_private(file, "[webhook]"));
  auto text = read_file(file, kSecretBytes);
  if (!text) return std::unexpected(text.error().within("[webhook] secret_file"));
  std::vector<deliver::WebhookSecret> secrets;
  int line = 0;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view one = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++line;
    if (one.empty()) continue;
    auto secret = deliver::WebhookSecret::parse(one);
    if (!secret) {
      return std::unexpected(
          invalid_argument(fmt::format("{}:{}: {}", file.string(), line, secret.error().message)));
    }
    secrets.push_back(std::move(*secret));
  }
  if (!secrets.empty() && secrets.size() <= kSecretsMax) return secrets;
  return std::unexpected(invalid_argument(
      fmt::format("{} holds {} secrets; one is needed, and a second only while one replaces the "
                  "other",
                  file.string(), secrets.size())));
}

net::HttpOptions webhook_options(const store::WebhookSettings& hook) {
  return {.connect_ms = kConnectMs,
          .total_ms = kAnswerMs,
          .answer_bytes_max = 64 << 10,
          .allow_inner_addresses = hook.inner_network,
          .ca_file = {}};
}

std::string webhook_body(const WebhookWords& words, const CalledCustomer& customer,
                         const deliver::Fields& traits, Timestamp time) {
  json::object data{{"decision_id", words.decision},
                    {"campaign", words.campaign},
                    {"treatment", words.treatment},
                    {"content", words.content}};
  data[customer.kind == events::IdKind::customer ? "customer_id" : "anonymous_id"] = customer.id;
  json::object texts;
  for (const auto& [name, text] : traits.texts) texts[name] = text;
  data["traits"] = std::move(texts);
  if (words.test) data["test"] = true;
  return json::serialize(json::object{
      {"type", kWebhookType}, {"timestamp", format_iso(time)}, {"data", std::move(data)}});
}

}  // namespace attune::engine
