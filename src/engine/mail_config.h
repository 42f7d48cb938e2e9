// Inside the engine: the section [mail] of attune.toml as deliver and net take it, and the
// templates of the data folder. Answers: through which server, in whose name, with which words?
#pragma once

#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/deliver/links.h"
#include "attune/deliver/mail_writer.h"
#include "attune/deliver/template.h"
#include "attune/net/smtp_client.h"
#include "attune/store/data_folder.h"
#include "attune/store/mail_settings.h"
#include "attune/store/vault.h"

namespace attune::engine {

// As the file says now. Errors: those of parse_mail_settings; failed_precondition where there is no
// [mail], saying what to write.
Result<store::MailSettings> mail_section(const store::DataFolder& folder);
// Errors: invalid_argument naming the setting.
Result<deliver::MailSettings> letter_settings(const store::MailSettings& mail);
// Reads the password. Errors: those of read_file; failed_precondition where others may read it.
Result<net::SmtpOptions> server_settings(const store::DataFolder& folder,
                                         const store::MailSettings& mail);
// The key of links follows from the keys of the folder.
Result<deliver::LinkSigner> link_signer(const store::Vault& vault);

// DATA/templates/NAME/{subject,text,html}; html may be absent.
// Errors: not_found that lists the templates there are; those of Template::parse, with file, line
// and column.
Result<deliver::MailTemplate> read_template(const store::DataFolder& folder, std::string_view name);

}  // namespace attune::engine
