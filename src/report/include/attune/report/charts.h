// Charts as inline SVG for Page. Answers: what does it look like?
//
// Every chart is a plain struct and one function that draws it, in a wide form and a narrow one
// (half column, phone); the page shows the one that fits. Colours are the page's, by class, so that
// light, dark and print all work; series differ in lightness as well as hue. Values that are not
// finite are left out (a gap in a line, an empty cell); without any value the figure says that
// there is no data. Every mark carries a <title> with label and value. All text is escaped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attune/base/time.h"
#include "attune/report/format.h"

namespace attune::report {

// A drawn chart: made here, taken by Section::figure.
struct Figure {
  std::string title = {};
  std::string caption = {};
  std::string wide = {};    // <svg …>, 760 units
  std::string narrow = {};  // <svg …>, 350 units
};

// What all charts have.
struct Frame {
  std::string title = {};    // says what is seen: "Orders a week"
  std::string caption = {};  // how it was made, what to note; may be empty
  Language language = Language::en;
};

struct Series {
  std::string name = {};
  std::vector<double> values = {};
};

// Bars, one group a label. Horizontal bars suit names, vertical ones suit ordered classes.
// Shapes: series[i].values has labels.size() values. Negative values grow to the other side.
struct BarChart {
  Frame frame = {};
  std::vector<std::string> labels = {};
  std::vector<Series> series = {};
  bool horizontal = true;
  bool stacked = false;  // values below 0 are then left out
  NumberFormat format = {};
  std::size_t bars_max =
      30;  // of more labels the first ones are shown, and a line says how many are not
};
Figure draw(const BarChart& chart);

// Lines or areas over time or over a number.
// Shapes: x ascending (n); each series (n); a series with `low` and `high` (n) shows a band.
struct LineChart {
  struct Line {
    std::string name = {};
    std::vector<double> values = {};
    std::vector<double> low = {};
    std::vector<double> high = {};
  };
  Frame frame = {};
  // A number, or with `time` microseconds since 1970 (UTC) as the axis should read.
  std::vector<double> x = {};
  std::vector<Line> lines = {};
  bool time = false;
  bool area = false;  // fill below; for one line
  bool y_from_zero = true;
  // By ratio, where x is no time; values <= 0 are then left out. A few places are named themselves,
  // more by round numbers.
  bool log_x = false;
  bool log_y = false;
  std::string x_title = {};
  std::string y_title = {};
  NumberFormat format = {};
};
Figure draw(const LineChart& chart);
std::vector<double> as_axis(const std::vector<Timestamp>& times);

// A grid of values: cohort retention, the RFM map.
// Shapes: values is rows.size() x columns.size(), row-major; NaN is an empty cell.
struct HeatMap {
  Frame frame = {};
  std::vector<std::string> rows = {};
  std::vector<std::string> columns = {};
  std::vector<double> values = {};
  NumberFormat format = {};
  std::string row_title = {};
  std::string column_title = {};
  bool log_colour = false;  // for counts over orders of magnitude
  // Values from here on have the full colour: so that month 0 of a retention map, always 100%, does
  // not blind the others.
  std::optional<double> colour_high = {};
  bool show_values = true;  // where the cells are large enough
};
Figure draw(const HeatMap& chart);

struct ScatterChart {
  struct Group {
    std::string name = {};
    std::vector<double> x = {};
    std::vector<double> y = {};
    std::vector<std::string> labels = {};  // one a point, or none
  };
  Frame frame = {};
  std::vector<Group> groups = {};
  std::string x_title = {};
  std::string y_title = {};
  NumberFormat x_format = {};
  NumberFormat y_format = {};
  bool log_x = false;  // values <= 0 are then left out
  bool log_y = false;
  std::size_t points_max = 2000;  // of more, every n-th is drawn, and a line says so
};
Figure draw(const ScatterChart& chart);

// How values are spread. Bins by the rule of [Freedman1981], at round edges, unless given.
struct Histogram {
  Frame frame = {};
  std::vector<double> values = {};
  std::size_t bins = 0;  // 0: by the rule, 5 to 60
  bool log_x = false;    // bins of equal ratio; values <= 0 are left out
  std::string x_title = {};
  NumberFormat x_format = {};
};
Figure draw(const Histogram& chart);

// Names with a figure and how sure it is, best first as given.
struct Leaderboard {
  struct Entry {
    std::string name = {};
    double mean = 0;
    double low = 0;  // NaN: no interval known
    double high = 0;
    bool highlighted = false;
  };
  Frame frame = {};
  std::vector<Entry> entries = {};
  std::string metric = {};  // "NDCG@10"
  NumberFormat format{.decimals = 3};
  std::optional<double> reference = {};  // a line to compare with
  std::string reference_name = {};
};
Figure draw(const Leaderboard& chart);

// Parts of a whole as areas [Bruls2000]. Values <= 0 are left out.
struct Treemap {
  struct Part {
    std::string name = {};
    double value = 0;
  };
  Frame frame = {};
  std::vector<Part> parts = {};
  NumberFormat format = {};
};
Figure draw(const Treemap& chart);

// Parts of a whole as one bar with a legend: for up to about 8 parts; the smallest above that are
// summed as "other".
struct ShareBar {
  Frame frame = {};
  std::vector<Treemap::Part> parts = {};
  NumberFormat format = {};
};
Figure draw(const ShareBar& chart);

}  // namespace attune::report
