#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/files.h"
#include "attune/base/text.h"
#include "mail_config.h"

namespace attune::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kTemplateBytes = 1 << 20;

// Templates can be written and looked at before there is a server.
fs::path templates_folder(const store::DataFolder& folder) {
  const auto mail = mail_section(folder);
  return folder.root() / (mail ? mail->templates : store::MailSettings().templates);
}

// A name that is a folder's, and leads nowhere else.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && name.find_first_of("/\\") == name.npos &&
         name.find('\0') == name.npos;
}

std::vector<std::string> template_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (fs::exists(entry.path() / "subject", ignored))
      names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

Result<deliver::Template> read_part(const fs::path& folder, std::string_view part,
                                    deliver::TemplateKind kind) {
  ATTUNE_ASSIGN_OR_RETURN(std::string text, read_file(folder / part, kTemplateBytes));
  // The line end that editors put behind a subject is none of it.
  if (kind == deliver::TemplateKind::header) text = trim(text);
  return deliver::Template::parse(text, kind, (folder / part).string());
}

}  // namespace

Result<deliver::MailTemplate> read_template(const store::DataFolder& folder,
                                            std::string_view name) {
  const fs::path all = templates_folder(folder);
  std::error_code ignored;
  if (!is_plain_name(name) || !fs::exists(all / name / "subject", ignored)) {
    const std::vector<std::string> names = template_names(all);
    return std::unexpected(not_found(fmt::format(
        "there is no template '{}'{}; a template is a folder {} with the files subject, text and, "
        "if you like, html{}",
        attune::quoted(name), did_you_mean(name, names), (all / "NAME").string(),
        names.empty() ? "" : fmt::format("; there are {}", fmt::join(names, ", ")))));
  }
  const fs::path own = all / name;
  ATTUNE_ASSIGN_OR_RETURN(deliver::Template subject,
                          read_part(own, "subject", deliver::TemplateKind::header));
  ATTUNE_ASSIGN_OR_RETURN(deliver::Template text,
                          read_part(own, "text", deliver::TemplateKind::text));
  deliver::MailTemplate whole{std::move(subject), std::move(text), std::nullopt};
  if (fs::exists(own / "html", ignored)) {
    ATTUNE_ASSIGN_OR_RETURN(whole.html, read_part(own, "html", deliver::TemplateKind::html));
  }
  return whole;
}

}  // namespace attune::engine
