#include "attune/engine/consents.h"

#include <algorithm>

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"

namespace attune::engine {

namespace json = boost::json;

Status state_consent(Workspace& workspace, const ConsentStatement& statement) {
  if (statement.purposes.empty()) {
    return std::unexpected(
        invalid_argument("say what the consent is about: a purpose such as email"));
  }
  json::array purposes;
  for (const std::string& text : statement.purposes) {
    ATTUNE_ASSIGN_OR_RETURN(const privacy::Purpose purpose, privacy::parse_purpose(text));
    purposes.emplace_back(privacy::name(purpose));
  }
  // A day is told by its end: today's is now.
  const Timestamp now = workspace.now();
  if (statement.time.micros - now.micros > kMicrosPerDay) {
    return std::unexpected(
        invalid_argument(fmt::format("{} is still to come; a consent holds from when it was given",
                                     format_iso(statement.time))));
  }
  if (workspace.is_forgotten(events::IdKind::customer, statement.customer)) {
    return std::unexpected(
        failed_precondition(fmt::format("'{}' was forgotten: nothing is kept of them any more",
                                        attune::quoted(statement.customer))));
  }
  json::object told{{"purpose", std::move(purposes)}};
  const privacy::ConsentEvidence& evidence = statement.evidence;
  if (!evidence.source.empty()) told["source"] = evidence.source;
  if (!evidence.wording.empty()) told["wording"] = evidence.wording;
  if (!evidence.proof.empty()) told["proof"] = evidence.proof;
  const std::string properties = json::serialize(told);
  events::Event event;
  event.type =
      statement.given ? events::EventType::consent_given : events::EventType::consent_withdrawn;
  event.time = std::min(statement.time, now);
  event.customer = statement.customer;
  event.properties = properties;
  const auto recorded = workspace.record(std::span(&event, 1));
  return recorded ? Status{} : std::unexpected(recorded.error());
}

Result<CustomerConsents> find_consents(Workspace& workspace, std::string_view customer) {
  ATTUNE_ASSIGN_OR_RETURN(const auto number, workspace.identity().find(customer));
  if (!number) {
    return std::unexpected(
        not_found(fmt::format("there is no customer '{}'", attune::quoted(customer))));
  }
  CustomerConsents found;
  ATTUNE_ASSIGN_OR_RETURN(found.customer, workspace.identity().label(*number));
  for (int purpose = 0; purpose < privacy::kPurposeCount; ++purpose) {
    ATTUNE_ASSIGN_OR_RETURN(
        const privacy::Consent consent,
        workspace.consent().find(*number, static_cast<privacy::Purpose>(purpose)));
    found.now.push_back(consent);
  }
  ATTUNE_ASSIGN_OR_RETURN(found.changes, workspace.consent().changes(*number));
  return found;
}

std::string to_json(const CustomerConsents& consents) {
  json::object now;
  for (std::size_t i = 0; i < consents.now.size(); ++i)
    now[privacy::purpose_names()[i]] = privacy::name(consents.now[i]);
  json::array changes;
  for (const privacy::ConsentChange& change : consents.changes) {
    changes.push_back(json::object{{"time", format_iso(change.time)},
                                   {"purpose", privacy::name(change.purpose)},
                                   {"given", change.given},
                                   {"sequence", change.sequence.value},
                                   {"source", change.evidence.source},
                                   {"wording", change.evidence.wording},
                                   {"proof", change.evidence.proof}});
  }
  return json::serialize(json::object{{"customer", consents.customer},
                                      {"consents", std::move(now)},
                                      {"changes", std::move(changes)}});
}

}  // namespace attune::engine
