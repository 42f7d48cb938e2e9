// Writes events as the files of an untidy shop, and counts what it planted. Answers: what must an
// importer find?
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "attune/base/random.h"
#include "attune/simulate/truth.h"
#include "attune/simulate/world.h"
#include "output_file.h"
#include "words.h"

namespace attune::simulate {

// How a row of events.csv can be beyond reading.
enum class Defect : std::uint8_t {
  bad_time,
  missing_time,
  unknown_event,
  bad_price,
  cut_short,
  too_long,
};
inline constexpr int kDefectCount = 6;
// The reason for which a reader would refuse the row.
std::string_view reason(Defect defect);

class Recorder final : public EventSink {
 public:
  // `world`, `events` and `orders` must outlive the recorder.
  Recorder(const World& world, OutputFile& events, OutputFile& orders);

  Status write_headings();
  void begin_day(std::int64_t day);  // before the events of that day
  Status take(const SimulatedEvent& event) override;
  Status finish();  // what was still to be sent again

  // Of the files alone; the world adds what it knows.
  const PlantedCounts& counts() const { return counts_; }
  const std::unordered_map<std::string, std::int64_t>& bot_rows() const { return bot_rows_; }

 private:
  enum class Row : std::uint8_t { good, resent, malformed };
  struct Resent {
    std::int64_t due;  // number of good rows
    std::string line;
    bool missing;
    bool refund;
  };

  std::string_view event_line(const SimulatedEvent& event, Row row, Defect defect);
  Status write_event(const SimulatedEvent& event);
  Status write_malformed(const SimulatedEvent& event);
  Status write_order_line(const SimulatedEvent& event);
  Status send_again(std::int64_t rows_so_far);
  std::string_view event_time(Timestamp time, int offset_minutes);

  const World& world_;
  const Words& words_;
  OutputFile& events_;
  OutputFile& orders_;
  Rng event_chance_;
  Rng order_chance_;
  CsvRow row_;
  std::string time_;
  std::deque<Resent> resent_;                 // by `due`
  std::vector<std::int64_t> malformed_days_;  // latest first
  std::int64_t malformed_due_ = 0;
  std::int64_t malformed_written_ = 0;
  PlantedCounts counts_;
  std::unordered_map<std::string, std::int64_t> bot_rows_;
};

}  // namespace attune::simulate
