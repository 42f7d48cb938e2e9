// Where links in messages lead. Answers: somebody followed a link of ours: what was it, and what
// does the shop learn from it?
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "attune/base/error.h"
#include "attune/deliver/links.h"
#include "attune/engine/service.h"

namespace attune::engine {

using deliver::LinkKind;
using deliver::Visit;

// What the token in a link says, once it proved to be ours. To be read with MessageLinks.
struct FollowedLink {
  deliver::Link link;
  const std::string& url() const { return link.url; }  // of a click: where it leads
};

// How an unsubscribe came.
enum class WithdrawalWay : std::uint8_t {
  one_click,  // a mail program's button, RFC 8058
  page,       // the button of our page behind the link
};

// Events of visits join the message by its decision. They are on disk when a call returns.
// Invariants: (1) an open or click counts as a person's by the rule of deliver::judge_visit alone:
// its quantity is 1, that of other visits 0, and who it seems to be stands in the event; (2)
// withdrawing twice is one withdrawal. Of a forgotten customer nothing is written. Lifetime:
// `service` outlives it. Threads: any.
class MessageLinks {
 public:
  static Result<MessageLinks> open(Service& service);

  // `kind`: of the path that the token came by. Errors: not_found for whatever we did not make, or
  // made for another kind of link.
  Result<FollowedLink> read(LinkKind kind, std::string_view token) const;

  // message_clicked or message_opened. Errors: those of Service::accept.
  Status note_visit(const FollowedLink& followed, Visit visit);
  // consent_withdrawn for the message's purpose, and unsubscribe. Errors: those of Service::accept.
  Status withdraw(const FollowedLink& followed, WithdrawalWay way);

 private:
  MessageLinks(Service& service, deliver::LinkSigner signer)
      : service_(&service), signer_(std::move(signer)) {}

  Service* service_;
  deliver::LinkSigner signer_;
};

}  // namespace attune::engine
