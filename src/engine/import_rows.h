// Item and customer rows as events. Answers: does this row tell anything that the shop does not
// know yet, and since when does it hold?
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "attune/base/error.h"
#include "attune/engine/workspace.h"
#include "attune/events/reader.h"

namespace attune::engine {

// Turns rows into item_changed and customer_changed events. A row that names no time holds since
// ever where nothing was stated of its subject before, and from now on where it changes what was
// stated; a row that states what is known already gives no event.
class ChangeRows {
 public:
  ChangeRows(Workspace& workspace, std::string_view source)
      : workspace_(workspace), source_(source), now_(workspace.now()) {}

  // Reads what is known. To be called once before rows are offered.
  Status load_items();

  // Absent: nothing new. Lifetime of the event: until the next call, and that of the row.
  Result<std::optional<events::Event>> item(const events::ItemRow& row);
  // Of a row with a previous id: an alias of the two.
  Result<std::optional<events::Event>> customer(const events::CustomerRow& row);

 private:
  // Whether both ids are of one customer already.
  Result<bool> are_one(std::string_view id, std::string_view previous);
  using Fields = std::map<std::string, std::vector<std::string>, std::less<>>;
  Fields collect() const;
  events::Event event(events::EventType type, std::optional<Timestamp> stated, bool known);

  Workspace& workspace_;
  std::string source_;
  Timestamp now_;
  std::unordered_map<std::string, Fields> items_;
  std::unordered_map<std::string, Fields> customers_;  // those of this import
  std::vector<events::Attribute> attributes_;
  std::string price_, stock_, currency_;
};

}  // namespace attune::engine
