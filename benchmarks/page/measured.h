// What benchmarks and claims measured, out of the JSON that they leave in a folder. Answers: how
// long does it take, against another commit and against peers?
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/error.h"

namespace attune::bench {

// One benchmark of one program: seconds of CPU time of an iteration, a value a round, ascending.
// Without values it was not measured there.
struct Timing {
  std::string program;  // "attune_math_bench"
  std::string name;     // "every_row/5000"
  std::vector<double> head;
  std::vector<double> base;
};

// Of ascending values; NaN of none.
double median(const std::vector<double>& values);

// The head beside the base. Told apart are medians that differ by more than a twentieth, where no
// round of one side lies among those of the other; less than that is noise.
enum class Change : std::uint8_t { same, slower, faster, only_head, only_base };
Change change_of(const Timing& timing);
std::string_view name_of(Change change);  // "same", "slower", "faster", "new", "gone"

// "every_row" and 5000 of "every_row/5000"; the size is NaN where the name ends in no number.
struct Family {
  std::string name;
  double size = 0;
};
Family family_of(const std::string& benchmark);

// A benchmark that gave up; `what` is what it said.
struct Failure {
  std::string program;
  std::string name;
  std::string what;
};

// Figures of ours and of peers by size, out of one run of a claim.
// Invariant: at least two lines, the first of them ours, and each of at least one size > 0.
struct Curve {
  struct Line {
    std::string name;                 // "Attune", "DuckDB 1.4.4"
    std::map<double, double> values;  // by size
  };
  std::string title;      // "Import of order lines"
  std::string size_name;  // "rows"
  std::string unit;       // "wall seconds"
  bool higher_is_better = false;
  std::string claim;    // "import/beside-duckdb"
  std::string machine;  // "2 cores (AMD EPYC)"
  std::string date;     // "2026-11-29"
  std::string commit;
  std::vector<Line> lines;
};

struct Measured {
  std::string date;             // of the head's first benchmark; empty without one
  int cores = 0;                // of the machine that it ran on; 0: not known
  std::vector<Timing> timings;  // by program, then in the order of the program
  std::vector<Failure> failures;
  std::vector<Curve> curves;  // by file name, then as they began
};

// Reads FOLDER/head/*.json, with `with_base` FOLDER/base/*.json (files of Google Benchmark,
// PROGRAM.ROUND.json), and FOLDER/curves/*.jsonl (a point a line, as `curve` of claims/lib.sh
// writes it; of one size and name the last counts).
// Errors: not_found without FOLDER, or where it holds nothing that was measured; data_corruption
// naming the file, and the line of a curve.
Result<Measured> read_measured(const std::filesystem::path& folder, bool with_base);

// All of it as one JSON object; `base` is empty where there is none to compare with.
std::string to_json(const Measured& measured, const std::string& head, const std::string& base);

}  // namespace attune::bench
