// Scales with sensible ticks. Answers: where does a value lie, and which values are worth a label?
#pragma once

#include <string>
#include <vector>

#include "attune/report/format.h"
#include "svg.h"

namespace attune::report {

struct Tick {
  double value = 0;
  std::string label;
};

// Values low..high to pixels first..last; with `log` by ratio (low > 0).
// Invariant: low < high, both finite; a single value gets room on both sides.
struct Scale {
  double low = 0, high = 1;
  double first = 0, last = 1;
  bool log = false;
  double operator()(double value) const;
};

// The domain of finite values (positive ones for a log scale); 0..1 without any. `from_zero` takes
// 0 in. `room`: on either side of a single value; 0: half of it.
Scale scale_of(const std::vector<const std::vector<double>*>& values, bool from_zero, bool log,
               double room = 0);

// Round steps of 1, 2 or 5 x 10^k, at most `count_max` (>= 2) ticks. With `widen` the scale grows
// to the ticks around it.
std::vector<Tick> number_ticks(Scale& scale, int count_max, const NumberFormat& format, bool widen);

// Whole minutes to centuries; labels name the year where it changes.
std::vector<Tick> time_ticks(const Scale& scale, int count_max, Language language);

// As many ticks as fit beside each other below the axis: labels of neighbours keep a gap.
bool labels_fit(const std::vector<Tick>& ticks, const Scale& scale);

// The area between axes.
struct Plot {
  double left = 0, top = 0, right = 0, bottom = 0;
};

// Horizontal lines with labels at the left; returns the plot with its left side behind the labels.
void draw_y_axis(Sheet& sheet, const Plot& plot, const Scale& scale,
                 const std::vector<Tick>& ticks);
double widest_label(const std::vector<Tick>& ticks);
// Ticks and labels below the plot; labels at the ends stay inside the sheet.
void draw_x_axis(Sheet& sheet, const Plot& plot, const Scale& scale, const std::vector<Tick>& ticks,
                 const std::string& title);
struct PlacedLabel {
  double x = 0;  // its middle
  std::string text;
};
// A row of labels at height `y`, moved between `left` and the right side of the sheet; one that
// would touch the label before it is left out.
void draw_labels(Sheet& sheet, double y, const std::vector<PlacedLabel>& labels, double left = 0);
// The most ticks of a number axis whose labels fit.
std::vector<Tick> fitting_number_ticks(Scale& scale, const NumberFormat& format, bool widen);

}  // namespace attune::report
