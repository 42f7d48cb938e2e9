// One e-mail as bytes. Answers: does every reader see the same words, and can no field begin a
// header?
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/base/time.h"

namespace attune::deliver {

struct Mailbox {
  std::string name;  // shown; may be empty
  std::string address;
};

struct Mail {
  Mailbox from;
  Mailbox to;
  std::optional<Mailbox> reply_to;
  std::string subject;
  std::string text;
  std::string html;        // empty: text alone
  std::string message_id;  // without brackets: "key@shop.example"
  Timestamp date;
  std::string unsubscribe_url;                               // https; empty: none
  std::string unsubscribe_address;                           // of a mailbox; empty: none
  std::vector<std::pair<std::string, std::string>> headers;  // further ones: "List-Id", "X-…"
};

// The address as it goes on the wire: its domain in lower case and in the xn-- form.
// Errors: invalid_argument for what is no plain address (quoted local parts, letters other than
// ASCII before the '@', comments, lists).
Result<std::string> plain_address(std::string_view address);

// Headers and body, every line ended by CRLF and at most 78 bytes (headers that cannot be folded:
// 998). Text and HTML as multipart/alternative in UTF-8, each as quoted-printable or base64,
// whichever is shorter; names and subjects as encoded words where they are not plain ASCII. With an
// unsubscribe_url: List-Unsubscribe and List-Unsubscribe-Post for one click.
// Errors: invalid_argument that names the header or part, for control characters in a header, text
// that is not UTF-8, NUL bytes, an address or URL that is none, a header that is made here.
// Determinism: the same mail gives the same bytes.
// Source: [RFC5322], [RFC2045], [RFC2047], [RFC2369], [RFC8058]. Line ends of any kind become CRLF.
Result<std::string> write_mail(const Mail& mail);

// True for an http or https URL of printable ASCII, at most 2,000 bytes, with a host and without
// user, quotes, angle brackets and backslashes.
bool is_web_url(std::string_view url);

}  // namespace attune::deliver
