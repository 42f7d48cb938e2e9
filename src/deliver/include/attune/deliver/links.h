// Links in messages that say who came from where. Answers: did we make this link, for whom, and
// where does it lead?
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/base/ids.h"
#include "attune/base/time.h"
#include "attune/privacy/consent.h"

namespace attune::deliver {

enum class LinkKind : std::uint8_t { click = 1, open = 2, unsubscribe = 3 };
std::string_view name(LinkKind kind);

struct Link {
  LinkKind kind = LinkKind::click;
  std::string message;  // key of the outbox
  CustomerNumber customer;
  privacy::Purpose purpose = privacy::Purpose::email;  // what an unsubscribe is about
  Timestamp issued;                                    // whole seconds
  std::string url;                                     // of a click: where it leads
  friend bool operator==(const Link&, const Link&) = default;
};

// Makes and reads the opaque part of links.
//
// Invariants: (1) only what the holder of the key signed is read; (2) where a click leads is inside
// and signed, so no link of ours leads where we did not send somebody; (3) a link of one kind is
// not read as another.
// Form: base 64 for URLs of version, kind, purpose, seconds, customer, message, URL, and the first
// 16 bytes of HMAC-SHA256 over them.
// Personal data: the customer's number, which means nothing outside of the data folder.
// Threads: safe to share.
class LinkSigner {
 public:
  // `key`: 32 bytes or more, kept secret. Errors: invalid_argument.
  static Result<LinkSigner> open(std::string_view key);

  // Errors: invalid_argument (a message key of other than 1 to 64 bytes; a click without a web
  // URL).
  Result<std::string> token(const Link& link) const;
  // Errors: permission_denied for whatever we did not make.
  Result<Link> read(std::string_view token) const;

 private:
  explicit LinkSigner(std::string key) : key_(std::move(key)) {}
  std::string key_;
};

// What is known of a request that fetched the pixel or followed a link.
struct Visit {
  std::string_view user_agent;
  std::string_view method = "GET";
  double seconds_since_sent = 0;
  bool from_data_centre = false;  // hint of the caller about the address
  bool prefetch = false;          // "Purpose: prefetch" or "Sec-Purpose" was sent
};

enum class Visitor : std::uint8_t {
  person,
  proxy,    // a mail service fetched it, perhaps for a person: an open is not proven
  machine,  // scanner, prefetcher, program
};
std::string_view name(Visitor visitor);

// The stated rule, in this order: machine, where the method is not GET, it is a prefetch, the user
// agent is empty, "Mozilla/5.0" alone (Apple's mail privacy) or names a program or scanner, it
// comes within 2 seconds of sending, or from a data centre without naming a mail proxy; proxy,
// where it names one (Gmail's, Yahoo's); else a person.
Visitor judge_visit(const Visit& visit);

}  // namespace attune::deliver
