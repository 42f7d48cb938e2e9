#include "attune/deliver/mail.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <unicode/uidna.h>

#include "attune/base/hash.h"
#include "attune/base/text.h"
#include "mime_text.h"

namespace attune::deliver {
namespace {

constexpr std::size_t kPlainHeaderMax = 60;  // fits into 78 behind any of our names
constexpr std::size_t kSubjectMax = 1000;
constexpr std::size_t kAddressMax = 254;
constexpr std::size_t kUrlMax = 2000;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 127; }
bool is_plain(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 127; });
}
bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

Error bad_header(std::string_view name, std::string_view value, std::string_view what) {
  return invalid_argument(fmt::format("the header {} {}: '{}'", name, what, attune::quoted(value)));
}

Status check_header_text(std::string_view name, std::string_view value) {
  if (std::ranges::any_of(value, is_control)) {
    return std::unexpected(bad_header(
        name, value, "holds a control character (line ends could begin another header)"));
  }
  if (first_invalid_utf8(value)) return std::unexpected(bad_header(name, value, "is not UTF-8"));
  if (value.size() > kSubjectMax) return std::unexpected(bad_header(name, value, "is too long"));
  return {};
}

// Free text of a header: as it is where it is short plain ASCII, else as encoded words.
std::string header_text(std::string_view value) {
  const bool as_it_is = is_plain(value) && value.size() <= kPlainHeaderMax &&
                        value.find("=?") == std::string_view::npos && trim(value) == value;
  return as_it_is ? std::string(value) : encoded_words(value);
}

std::string display_name(std::string_view name) {
  if (!is_plain(name) || name.size() > kPlainHeaderMax || name.find("=?") != name.npos) {
    return encoded_words(name);
  }
  std::string quoted_name = "\"";
  for (const char c : name) {
    if (c == '"' || c == '\\') quoted_name += '\\';
    quoted_name += c;
  }
  return quoted_name + '"';
}

Result<std::string> mailbox_header(std::string_view name, const Mailbox& mailbox) {
  ATTUNE_RETURN_IF_ERROR(check_header_text(name, mailbox.name));
  auto address = plain_address(mailbox.address);
  if (!address) return std::unexpected(std::move(address).error().within(name));
  if (mailbox.name.empty()) return fmt::format("{}: {}\r\n", name, *address);
  return fmt::format("{}: {}\r\n <{}>\r\n", name, display_name(mailbox.name), *address);
}

std::string date_header(Timestamp time) {
  constexpr std::string_view kDays[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
  constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const CivilTime civil = civil_from_utc(time);
  const std::int64_t day = days_from_civil(civil.year, civil.month, civil.day);
  return fmt::format("Date: {}, {:02} {} {:04} {:02}:{:02}:{:02} +0000\r\n",
                     kDays[static_cast<std::size_t>((day % 7 + 7) % 7)], civil.day,
                     kMonths[static_cast<std::size_t>(civil.month - 1)], civil.year, civil.hour,
                     civil.minute, civil.second);
}

Result<std::string> unsubscribe_headers(const Mail& mail) {
  std::string out;
  if (!mail.unsubscribe_url.empty()) {
    if (!is_web_url(mail.unsubscribe_url) || !mail.unsubscribe_url.starts_with("https://")) {
      return std::unexpected(bad_header("List-Unsubscribe", mail.unsubscribe_url,
                                        "needs an https URL, as one click asks for"));
    }
    out = fmt::format("List-Unsubscribe: <{}>", mail.unsubscribe_url);
  }
  if (!mail.unsubscribe_address.empty()) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string address, plain_address(mail.unsubscribe_address));
    out += fmt::format("{}<mailto:{}>", out.empty() ? "List-Unsubscribe: " : ",\r\n ", address);
  }
  if (!out.empty()) out += "\r\n";
  if (!mail.unsubscribe_url.empty()) out += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
  return out;
}

Result<std::string> further_headers(const Mail& mail) {
  constexpr std::array kOurs{"from",
                             "to",
                             "cc",
                             "bcc",
                             "reply-to",
                             "sender",
                             "subject",
                             "date",
                             "received",
                             "return-path",
                             "message-id",
                             "mime-version",
                             "list-unsubscribe",
                             "list-unsubscribe-post"};
  std::string out;
  for (const auto& [name, value] : mail.headers) {
    const std::string lower = ascii_lower(name);
    const bool token = !name.empty() && name.size() <= 60 &&
                       std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '-'; });
    if (!token || lower.starts_with("content-") || std::ranges::find(kOurs, lower) != kOurs.end()) {
      return std::unexpected(invalid_argument(
          fmt::format("the header '{}' cannot be added: it is made here, or is no name of a header",
                      attune::quoted(name))));
    }
    ATTUNE_RETURN_IF_ERROR(check_header_text(name, value));
    out += fmt::format("{}:{}{}\r\n", name, name.size() > 8 ? "\r\n " : " ", header_text(value));
  }
  return out;
}

Result<std::string> body_part(std::string_view type, std::string_view text) {
  if (const auto at = first_invalid_utf8(text)) {
    return std::unexpected(
        invalid_argument(fmt::format("byte {} of the part {} is not UTF-8", *at, type)));
  }
  if (text.find('\0') != std::string_view::npos) {
    return std::unexpected(invalid_argument(fmt::format("the part {} holds a NUL byte", type)));
  }
  const std::string lines = with_crlf(text);
  std::string printable = to_quoted_printable(lines);
  const bool base64 = printable.size() > lines.size() * 7 / 5;
  return fmt::format("Content-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: {}\r\n\r\n{}",
                     type, base64 ? "base64" : "quoted-printable",
                     base64 ? to_base64_lines(lines) : printable);
}

Status check_message_id(std::string_view id) {
  const std::size_t at = id.find('@');
  const bool clean = std::ranges::all_of(
      id, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == '@'; });
  if (clean && at != std::string_view::npos && at > 0 && at + 1 < id.size() &&
      id.find('@', at + 1) == std::string_view::npos && id.size() <= 200) {
    return {};
  }
  return std::unexpected(bad_header("Message-ID", id, "is not of the form key@domain"));
}

// The domain in its xn-- form, checked by ICU's UTS #46.
Result<std::string> ascii_domain(std::string_view domain) {
  UErrorCode status = U_ZERO_ERROR;
  UIDNA* idna = uidna_openUTS46(UIDNA_CHECK_BIDI | UIDNA_CHECK_CONTEXTJ |
                                    UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_USE_STD3_RULES,
                                &status);
  if (U_FAILURE(status)) return std::unexpected(internal_error("ICU gives no UTS #46"));
  UIDNAInfo info = UIDNA_INFO_INITIALIZER;
  std::string ascii(256, '\0');
  const int length =
      uidna_nameToASCII_UTF8(idna, domain.data(), static_cast<int>(domain.size()), ascii.data(),
                             static_cast<int>(ascii.size()), &info, &status);
  uidna_close(idna);
  if (U_FAILURE(status) || info.errors != 0 || length <= 0 || length > 253) {
    return std::unexpected(
        invalid_argument(fmt::format("'{}' is no domain", attune::quoted(domain))));
  }
  ascii.resize(static_cast<std::size_t>(length));
  return ascii;
}

}  // namespace

Result<std::string> plain_address(std::string_view address) {
  const auto wrong = [&](std::string_view what) {
    return std::unexpected(invalid_argument(
        fmt::format("'{}' is no mail address: {}", attune::quoted(address), what)));
  };
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos || at == 0) return wrong("it has no '@' between two parts");
  const std::string_view local = address.substr(0, at);
  // The atoms of [RFC5322] 3.2.3.
  const bool atoms = std::ranges::all_of(local, [](char c) {
    return is_alnum(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
  });
  if (!atoms || local.front() == '.' || local.back() == '.' || local.find("..") != local.npos ||
      local.size() > 64) {
    return wrong("before the '@' stand letters, digits and signs of ASCII, at most 64");
  }
  auto domain = ascii_domain(address.substr(at + 1));
  if (!domain) return wrong("what follows the '@' is no domain");
  if (at + 1 + domain->size() > kAddressMax) return wrong("it is too long");
  return fmt::format("{}@{}", local, *domain);
}

bool is_web_url(std::string_view url) {
  const bool clean = std::ranges::all_of(url, [](char c) {
    return c > ' ' && c < 127 && c != '<' && c != '>' && c != '"' && c != '\\' && c != '\'';
  });
  if (!clean || url.size() > kUrlMax) return false;
  const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
  if (scheme == 0) return false;
  const std::string_view authority =
      url.substr(scheme, std::min(url.find_first_of("/?#", scheme), url.size()) - scheme);
  return !authority.empty() && authority.front() != ':' &&
         authority.find('@') == std::string_view::npos;
}

Result<std::string> write_mail(const Mail& mail) {
  ATTUNE_RETURN_IF_ERROR(check_message_id(mail.message_id));
  ATTUNE_RETURN_IF_ERROR(check_header_text("Subject", mail.subject));
  std::string out = date_header(mail.date);
  ATTUNE_ASSIGN_OR_RETURN(const std::string from, mailbox_header("From", mail.from));
  ATTUNE_ASSIGN_OR_RETURN(const std::string to, mailbox_header("To", mail.to));
  out += from + to;
  if (mail.reply_to) {
    ATTUNE_ASSIGN_OR_RETURN(const std::string reply, mailbox_header("Reply-To", *mail.reply_to));
    out += reply;
  }
  out += fmt::format("Subject: {}\r\nMessage-ID: <{}>\r\n", header_text(mail.subject),
                     mail.message_id);
  ATTUNE_ASSIGN_OR_RETURN(const std::string unsubscribe, unsubscribe_headers(mail));
  ATTUNE_ASSIGN_OR_RETURN(const std::string further, further_headers(mail));
  out += unsubscribe + further + "MIME-Version: 1.0\r\n";
  ATTUNE_ASSIGN_OR_RETURN(const std::string text, body_part("text/plain", mail.text));
  if (mail.html.empty()) return out + text;
  ATTUNE_ASSIGN_OR_RETURN(const std::string html, body_part("text/html", mail.html));
  // "=_" stands in no text of either encoding, so no part can hold the boundary.
  const std::string boundary = "=_" + to_hex(hash128(mail.message_id));
  return fmt::format(
      "{0}Content-Type: multipart/alternative;\r\n boundary=\"{1}\"\r\n\r\n"
      "--{1}\r\n{2}\r\n--{1}\r\n{3}\r\n--{1}--\r\n",
      out, boundary, text, html);
}

}  // namespace attune::deliver
