// Item and customer rows as events. Answers: does this row tell anything that the shop does not
// know yet, and since when does it hold?
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/engine/workspace.h"
#include "attune/events/reader.h"
#include "attune/events/staged_import.h"

namespace attune::engine {

// Turns rows into item_changed and customer_changed events. A row that names no time holds since
// ever where nothing was stated of its subject before, and from now on where it changes what was
// stated; a row that states what is known already gives no event. One object serves all files of an
// import, so that each is met as if those before it had been imported.
class ChangeRows {
 public:
  ChangeRows(Workspace& workspace, std::string_view source)
      : workspace_(workspace), source_(source), now_(workspace.now()) {}

  // A new file begins. What changes in it holds from later on than what changed in those before.
  void begin_file();

  // What a row tells. Lifetime of the event: until the next call, and that of the row.
  struct Told {
    std::optional<events::Event> event;  // absent: nothing new
    // Where there is no event: exact_duplicate where earlier rows of this file told all of it, else
    // already_known.
    events::Staged otherwise = events::Staged::already_known;
    bool first_met = false;  // a customer's row names one id, which nobody had
  };
  Result<Told> item(const events::ItemRow& row);
  // Of a row with a previous id: an alias of the two.
  Result<Told> customer(const events::CustomerRow& row);

 private:
  using Fields = std::map<std::string, std::vector<std::string>, std::less<>>;
  struct Known {
    std::vector<std::string> values;
    std::uint32_t told_in = 0;  // the last file that told them; 0: none of this import
  };
  struct Subject {
    std::map<std::string, Known, std::less<>> fields;
    std::uint32_t named_in = 0;  // the last file that named it; 0: none of this import
  };
  Status load_items();
  // Whether both ids are of one customer already, or become it by an earlier row.
  Result<bool> are_one(std::string_view id, std::string_view other);
  Fields collect() const;
  Told nothing_new(const Fields& stated, Subject& subject) const;
  void note(Fields stated, Subject& subject) const;
  events::Event event(events::EventType type, std::optional<Timestamp> stated, bool known);

  Workspace& workspace_;
  std::string source_;
  Timestamp now_;
  std::uint32_t file_ = 0;                          // counts from 1
  std::unordered_map<std::string, Subject> items_;  // all, from the first item row on
  bool items_loaded_ = false;
  std::unordered_map<std::string, Subject> customers_;    // those of this import
  std::set<std::pair<std::string, std::string>> joined_;  // ids that rows of this import make one
  std::vector<events::Attribute> attributes_;
  std::string price_, stock_, currency_;
};

}  // namespace attune::engine
