#include "attune/engine/decision_log.h"

#include <fmt/format.h>
#include <boost/json.hpp>

#include "attune/base/text.h"

namespace attune::engine {

Result<decide::Decision> read_decision(Workspace& workspace, std::string_view id) {
  ATTUNE_ASSIGN_OR_RETURN(
      store::QueryResult rows,
      workspace.history().query(
          "SELECT customer, personal FROM visible_rows WHERE type = $1 AND decision_id = $2 AND "
          "source IN (SELECT code FROM labels WHERE kind = $3 AND name = $4) LIMIT 1",
          {static_cast<std::int64_t>(events::EventType::decision), id,
           static_cast<std::int64_t>(events::LabelKind::source), kDecisionSource}));
  ATTUNE_ASSIGN_OR_RETURN(const store::Chunk chunk, rows.next());
  if (chunk.rows() == 0 || chunk.is_null(1, 0)) {
    return std::unexpected(not_found(
        fmt::format("no decision is called '{}'; a list carries its own as recommendation_id",
                    attune::quoted(id))));
  }
  ATTUNE_ASSIGN_OR_RETURN(
      const std::string personal,
      workspace.vault().open(CustomerNumber{chunk.int64(0)[0]}, "event", chunk.blob(1, 0)));
  boost::system::error_code failure;
  const boost::json::value value = boost::json::parse(personal, failure);
  const boost::json::value* properties =
      failure || !value.is_object() ? nullptr : value.as_object().if_contains("properties");
  const boost::json::value* text = properties == nullptr || !properties->is_object()
                                       ? nullptr
                                       : properties->as_object().if_contains("decision");
  if (text == nullptr || !text->is_string()) {
    return std::unexpected(
        data_corruption(fmt::format("decision '{}' cannot be read", attune::quoted(id))));
  }
  return decide::parse_decision(std::string_view(text->as_string()));
}

std::string decision_properties(const decide::Decision& decision) {
  return boost::json::serialize(boost::json::object{{"decision", decide::to_json(decision)}});
}

}  // namespace attune::engine
