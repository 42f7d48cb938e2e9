// From a message of the outbox to a letter. Answers: what exactly will this customer read?
#pragma once

#include <optional>
#include <string>

#include "attune/base/error.h"
#include "attune/base/time.h"
#include "attune/deliver/links.h"
#include "attune/deliver/mail.h"
#include "attune/deliver/outbox.h"
#include "attune/deliver/sender.h"
#include "attune/deliver/template.h"

namespace attune::deliver {

struct MailSettings {
  Mailbox from;
  std::optional<Mailbox> reply_to;
  std::string envelope_from;        // where bounces go; empty: the address of `from`
  std::string links_base;           // "https://mail.shop.example", without a '/' at its end
  bool count_clicks = true;         // false: `link` leaves addresses as they are
  bool count_opens = true;          // a pixel at the end of the HTML
  std::string unsubscribe_address;  // a mailbox that also takes withdrawals; empty: none
};

struct WrittenMail {
  Letter letter;
  std::string subject;
  std::string text;
  std::string html;
};

// Renders and builds. Besides the message's fields templates may use `unsubscribe_url`.
// Links are <links_base>/c/<token> (click), /o/<token>.gif (open), /u/<token> (unsubscribe: GET
// asks for a confirmation, POST is the one click of [RFC8058]). The Message-ID is <key@domain of
// from>. Lifetime: `signer` outlives the writer. Threads: safe to share.
class MailWriter {
 public:
  // Errors: invalid_argument (an address or URL of the settings).
  static Result<MailWriter> open(MailSettings settings, const LinkSigner& signer);

  // `test`: "[Test] " stands before the subject, and a header X-Attune-Test: yes.
  // Errors: those of Template::render and write_mail.
  Result<WrittenMail> write(const Message& message, const MailTemplate& with, Timestamp now,
                            bool test = false) const;

 private:
  MailWriter(MailSettings settings, const LinkSigner& signer)
      : settings_(std::move(settings)), signer_(&signer) {}
  Result<std::string> url(std::string_view path, const Link& link) const;

  MailSettings settings_;
  const LinkSigner* signer_;
};

// The key of the outbox in a Message-ID that MailWriter made, with or without brackets; empty for
// another's.
std::string message_key(std::string_view message_id);

}  // namespace attune::deliver
