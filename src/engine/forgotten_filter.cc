#include "forgotten_filter.h"

namespace attune::engine {

using events::Event;
using events::EventType;
using events::IdKind;

std::vector<Event> let_in(const Workspace& workspace, std::span<const Event> events) {
  std::vector<Event> kept;
  for (Event event : events) {
    const bool device = workspace.is_forgotten(IdKind::anonymous, event.anonymous);
    const bool theirs = event.customer.empty() || event.type == EventType::alias;
    if (workspace.is_forgotten(IdKind::customer, event.customer) || (device && theirs)) continue;
    if (device) event.anonymous = {};
    kept.push_back(event);
  }
  return kept;
}

std::vector<RefusedMessage> let_in(const Workspace& workspace,
                                   std::span<const RefusedMessage> messages) {
  std::vector<RefusedMessage> kept;
  for (const RefusedMessage& message : messages) {
    if (!workspace.names_forgotten(message.raw) && !workspace.names_forgotten(message.around))
      kept.push_back(message);
  }
  return kept;
}

}  // namespace attune::engine
