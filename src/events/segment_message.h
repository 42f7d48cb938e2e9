// One message of Segment's as events.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "segment_fields.h"
#include "segment_names.h"
#include "segment_values.h"

namespace attune::events::detail {

// What the batch says for messages that say nothing of their own.
struct BatchParts {
  Members members;  // its sentAt
  ContextParts context;
};

// Makes events of one message after another. Threads: one at a time.
class SegmentMessages {
 public:
  SegmentMessages(const SegmentOptions& options, const EventNameTable& names, RowArena& arena)
      : options_(options), names_(names), values_(options, arena) {}

  void begin_batch(const BatchParts& batch, Timestamp received_at, SegmentSpeaker speaker,
                   SegmentBatch& out);
  // Adds the message's events, or one problem. `call` is batch when the message says its type.
  void read(SegmentCall call, const MessageParts& parts, std::size_t index, bool in_batch);
  SegmentValues& values() { return values_; }

 private:
  bool read_all(SegmentCall call);
  bool decide_call(SegmentCall& call);
  bool check_shape();
  bool check_object(SegmentKey key);
  bool check_lines();
  bool base(SegmentCall call);
  bool decision();
  bool base_time();
  bool base_ids(SegmentCall call);
  bool session();
  void channel(SegmentCall call);
  bool url();

  bool track();
  bool check_speaker(std::string_view word);
  bool alias();
  bool page();
  bool identify(SegmentCall call);
  bool flatten(std::string_view written, std::size_t prefix, std::string_view field);
  bool unique_traits(std::string_view field);

  bool shared_properties();
  bool single();
  bool several();
  bool item(Scope scope, const Members& members, Event& event);
  bool amounts(Scope scope, const Members& members, Event& event, StatedCurrency& currency);
  void attributes(const Members& members, Event& event);
  void apply_signs(Event& event);
  bool divide_value(std::span<Event> lines);
  void keep_context();
  std::string_view with_context(std::string_view properties);
  std::string_view properties_with_names();
  std::string_view properties_of_line(std::size_t line);
  int exponent(Currency currency);
  void add(Event event);

  const SegmentOptions& options_;
  const EventNameTable& names_;
  SegmentValues values_;
  const BatchParts* batch_ = nullptr;
  Timestamp received_at_;
  SegmentSpeaker speaker_ = SegmentSpeaker::shop;
  SegmentBatch* out_ = nullptr;

  const MessageParts* parts_ = nullptr;
  const ContextParts* context_ = nullptr;
  bool is_page_ = false;
  Event event_;  // what all events of the message share
  StatedCurrency currency_;

  Members line_;
  std::vector<Attribute> pending_;
  std::vector<std::string_view> trait_names_;
  std::string path_;
  std::string json_;
  std::string context_json_;  // a member for the properties; empty: nothing of it is kept
  Currency last_currency_;
  int last_exponent_ = 2;
  std::string last_library_;
  std::string_view last_library_channel_;
};

}  // namespace attune::events::detail
