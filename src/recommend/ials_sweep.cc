#include "ials_sweep.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "attune/math/kernels.h"
#include "attune/math/parallel.h"
#include "attune/math/principal_axes.h"
#include "attune/math/products.h"
#include "fit_loop.h"

namespace attune::recommend {
namespace {

using math::CsrMatrix;
using math::MatrixF;

constexpr std::int32_t kBlockRows = 32;
constexpr std::int64_t kBlockNumbers = 65'536;  // of the vectors that a block meets: 256 KiB
constexpr std::int64_t kShortRow = 8;           // entries up to which a row is solved through them
// Finding the axes takes as long as products of so many rows with a Gramian, from 64 to 256
// factors.
constexpr std::int64_t kAxesRows = 16'384;
constexpr float kFinished = 1e-6f;  // of a vector's length

}  // namespace

MatrixF pad_columns(const MatrixF& vectors) {
  const std::int64_t width = math::padded_columns(vectors.columns());
  if (width == vectors.columns()) return vectors;
  MatrixF padded(vectors.rows(), width);
  for (std::int64_t r = 0; r < vectors.rows(); ++r)
    std::ranges::copy(vectors.row(r), padded.row(r).begin());
  return padded;
}

MatrixF cut_columns(MatrixF vectors, std::int64_t columns) {
  if (vectors.columns() == columns) return vectors;
  MatrixF cut(vectors.rows(), columns);
  for (std::int64_t r = 0; r < vectors.rows(); ++r) {
    std::ranges::copy(vectors.row(r).first(static_cast<std::size_t>(columns)), cut.row(r).begin());
  }
  return cut;
}

// What the systems of all rows share: alpha times the Gramian. Shapes: diagonal (width), rest
// (width, width) with a zero diagonal.
struct IalsSweep::Shared {
  Shared(const OtherSide& others, double by) : rest(others.gramian) {
    const auto alpha = static_cast<float>(by);
    float largest = 0;
    for (float& value : rest.data()) value *= alpha;
    for (std::int64_t j = 0; j < rest.rows(); ++j) {
      diagonal.push_back(std::exchange(rest(j, j), 0));
      largest = std::max(largest, diagonal.back());
    }
    // Without regularisation, an axis that nothing lies along would leave nothing to divide by.
    for (float& value : diagonal) value = std::max({value, 1e-7f * largest, 1e-30f});
  }
  std::vector<float> diagonal;
  MatrixF rest;
};

// Works on one block after the other, on one thread.
class IalsSweep::Worker {
 public:
  Worker(const IalsSweep& sweep, const OtherSide& others, const Shared& shared, MatrixF& x)
      : sweep_(sweep),
        others_(others),
        shared_(shared),
        x_(x),
        width_(x.columns()),
        exact_(others.vectors, others.gramian, sweep.parameters_, sweep.confidence_) {}

  void improve_by_gradients(Block block) {
    const int steps = sweep_.parameters_.conjugate_gradient_steps;
    for_parts(block, [&](Block part) {
      if (others_.along_axes && solve_short(part.begin)) return;
      begin_descents(part);
      for (int step = 0; step < steps; ++step) advance(0);
    });
  }

  void finish(Block block) {
    for_parts(block, [&](Block part) {
      if (others_.along_axes) solve_short(part.begin);
      begin_descents(part);
      for (int step = 0; step < kFinishSteps && !descents_.empty(); ++step) advance(kFinished);
      for (const OnTheWay& each : descents_) solve_row(each.row);
    });
  }

  void solve_exactly(Block block) {
    for (std::int32_t r = block.begin; r < block.end; ++r) solve_row(r);
  }

  // [Rendle2021b, algorithm 1]: one subspace after the other, each solved exactly given the rest;
  // what is left to explain of each entry is kept up to date.
  void improve_by_subspaces(Block block) {
    const auto rows = static_cast<std::int64_t>(block.end - block.begin);
    const CsrMatrix& m = sweep_.rows_;
    const std::int64_t first_entry = m.offsets()[static_cast<std::size_t>(block.begin)];
    misses_.resize(
        static_cast<std::size_t>(m.offsets()[static_cast<std::size_t>(block.end)] - first_entry));
    const auto misses_of = [&](std::int32_t r) {
      return misses_.data() + (m.offsets()[static_cast<std::size_t>(r)] - first_entry);
    };
    for (std::int32_t r = block.begin; r < block.end; ++r) {
      if (m.row_size(r) == 0) std::ranges::fill(x_.row(r), 0.0f);
      math::find_misses(entries(r), x_.row(r).data(), misses_of(r));
    }
    const std::int64_t wanted = math::padded_columns(sweep_.parameters_.subspace);
    for (std::int64_t first = 0; first < width_; first += wanted) {
      const std::int64_t size = std::min(wanted, width_ - first);
      product_.assign(static_cast<std::size_t>(rows * size), 0);
      if (!others_.along_axes) {
        math::multiply_add(rows, size, width_, {x_.row(block.begin).data(), width_, 1},
                           {shared_.rest.data().data() + first, width_}, {product_.data(), size});
      }
      for (std::int32_t r = block.begin; r < block.end; ++r) {
        if (m.row_size(r) == 0) continue;
        const float* rest = product_.data() + (r - block.begin) * size;
        solve_subspace(r, first, size, rest, misses_of(r));
      }
    }
  }

 private:
  struct OnTheWay {
    std::int32_t row;
    math::Descent descent;
  };

  // What is worked on together: along axes single rows, which then stay in the first cache.
  template <class Work>
  void for_parts(Block block, Work&& work) {
    if (!others_.along_axes) return work(block);
    for (std::int32_t r = block.begin; r < block.end; ++r) work(Block{r, r + 1});
  }

  math::EntryVectors entries(std::int32_t row) const {
    const CsrMatrix& m = sweep_.rows_;
    const auto begin = m.offsets()[static_cast<std::size_t>(row)];
    const std::int64_t count = m.row_size(row);
    return {.vectors = others_.vectors.data().data(),
            .width = width_,
            .rows = m.column_indices().data() + begin,
            .weights = sweep_.weights_.data() + begin,
            .count = count,
            .ahead = std::min<std::int64_t>(m.entries() - begin - count, 32)};
  }

  float ridge(std::int32_t row) const { return sweep_.ridges_[static_cast<std::size_t>(row)]; }
  math::RowSystem system(std::int32_t row) const {
    return {entries(row), shared_.diagonal.data(), ridge(row)};
  }

  // False where the row has too many entries for it.
  bool solve_short(std::int32_t row) {
    if (!sweep_.is_short(row)) return false;
    const auto x = x_.row(row);
    if (sweep_.rows_.row_size(row) == 0) {
      std::ranges::fill(x, 0.0f);
      return true;
    }
    scratch_.resize(static_cast<std::size_t>(math::short_row_scratch(kShortRow, width_)));
    if (math::solve_short_row(system(row), scratch_.data(), x.data())) return true;
    std::ranges::fill(x, 0.0f);
    return false;
  }

  // out = rest p. Shapes: p, out (rows, width).
  void multiply_rest(std::int64_t rows, const float* p, math::AlignedVector<float>& out) {
    out.assign(static_cast<std::size_t>(rows * width_), 0);
    if (others_.along_axes) return;
    math::multiply_add(rows, width_, width_, {p, width_, 1}, {shared_.rest.data().data(), width_},
                       {out.data(), width_});
  }

  // Starts the rows of the block; those without entries are done.
  void begin_descents(Block block) {
    descents_.clear();
    const auto rows = static_cast<std::int64_t>(block.end - block.begin);
    multiply_rest(rows, x_.row(block.begin).data(), residual_);
    for (float& value : residual_) value = -value;
    for (auto* each : {&direction_, &product_, &inverse_}) each->resize(residual_.size());
    for (std::int32_t r = block.begin; r < block.end; ++r) {
      const auto x = x_.row(r);
      if (sweep_.rows_.row_size(r) == 0) {
        std::ranges::fill(x, 0.0f);
        continue;
      }
      const std::int64_t at = (r - block.begin) * width_;
      descents_.push_back({r,
                           {x.data(), residual_.data() + at, direction_.data() + at,
                            product_.data() + at, inverse_.data() + at}});
      math::start_descent(system(r), descents_.back().descent);
    }
  }

  // A step of every row on its way; one that changes its row by at most `enough` is its last.
  void advance(float enough) {
    if (descents_.empty()) return;
    multiply_rest(static_cast<std::int64_t>(product_.size()) / width_, direction_.data(), product_);
    std::size_t going = 0;
    for (OnTheWay& each : descents_) {
      if (!math::advance_descent(system(each.row), each.descent, enough)) descents_[going++] = each;
    }
    descents_.erase(descents_.begin() + static_cast<std::ptrdiff_t>(going), descents_.end());
  }

  void solve_row(std::int32_t row) {
    exact_.solve(sweep_.rows_.columns_of(row), sweep_.rows_.weights_of(row), IalsSolver::cholesky,
                 exact_scratch_, x_.row(row));
  }

  // `rest`: what the rest of the shared part makes of x, of these columns.
  void solve_subspace(std::int32_t row, std::int64_t first, std::int64_t size, const float* rest,
                      float* misses) {
    system_.resize(static_cast<std::size_t>(size * size));
    step_.resize(static_cast<std::size_t>(size));
    float* x = x_.row(row).data() + first;
    for (std::int64_t i = 0; i < size; ++i) {
      const float* source = shared_.rest.row(first + i).data() + first;
      std::copy_n(source, size, system_.data() + i * size);
      const float diagonal = shared_.diagonal[static_cast<std::size_t>(first + i)] + ridge(row);
      system_[static_cast<std::size_t>(i * size + i)] = diagonal;
      step_[static_cast<std::size_t>(i)] = -rest[i] - diagonal * x[i];
    }
    const math::EntryVectors own = entries(row);
    math::add_subspace(own, first, size, misses, system_.data(), step_.data());
    if (!math::solve_small(size, system_.data(), step_.data())) return;
    for (std::int64_t i = 0; i < size; ++i) x[i] += step_[static_cast<std::size_t>(i)];
    if (first + size == width_) return;
    for (std::int64_t i = 0; i < size; i += math::kProductColumns)
      math::lower_misses(own, first + i, step_.data() + i, misses);
  }

  const IalsSweep& sweep_;
  const OtherSide& others_;
  const Shared& shared_;
  MatrixF& x_;
  std::int64_t width_;
  IalsSystem exact_;
  IalsSystem::Scratch exact_scratch_;
  std::vector<OnTheWay> descents_;
  math::AlignedVector<float> residual_, direction_, product_, inverse_;  // (rows of block, width)
  math::AlignedVector<float> scratch_;
  std::vector<float> misses_;  // of each entry of the block
  math::AlignedVector<float> system_, step_;
};

IalsSweep::IalsSweep(const CsrMatrix& rows, const IalsParameters& parameters,
                     const IalsConfidence& confidence, std::int32_t others, int threads)
    : rows_(rows), parameters_(parameters), confidence_(confidence) {
  weights_.resize(static_cast<std::size_t>(rows.entries()));
  ridges_.resize(static_cast<std::size_t>(rows.rows()));
  math::parallel_for(rows.rows(), 4096, threads, [&](std::int64_t begin, std::int64_t end, int) {
    for (auto r = static_cast<std::int32_t>(begin); r < end; ++r) {
      const auto first = static_cast<std::size_t>(rows.offsets()[static_cast<std::size_t>(r)]);
      const auto raw = rows.weights_of(r);
      const std::span<float> own(weights_.data() + first, raw.size());
      std::ranges::transform(raw, own.begin(), confidence);
      ridges_[static_cast<std::size_t>(r)] =
          static_cast<float>(ials_ridge(parameters, others, own));
    }
  });
  const std::int64_t width = math::padded_columns(parameters.factors);
  Block block{0, 0};
  std::int64_t numbers = 0;
  for (std::int32_t r = 0; r < rows.rows(); ++r) {
    const std::int64_t more = rows.row_size(r) * width;
    if (r > block.begin && (r - block.begin == kBlockRows || numbers + more > kBlockNumbers)) {
      blocks_.push_back({block.begin, r});
      block.begin = r;
      numbers = 0;
    }
    numbers += more;
  }
  if (rows.rows() > 0) blocks_.push_back({block.begin, rows.rows()});
}

bool IalsSweep::is_short(std::int64_t row) const {
  return rows_.row_size(static_cast<std::int32_t>(row)) <= kShortRow;
}

bool IalsSweep::worth_turning(std::int64_t others) const {
  if (parameters_.solver != IalsSolver::conjugate_gradient) return false;
  return (parameters_.conjugate_gradient_steps + 1) * std::int64_t{rows_.rows()} >
         others + kAxesRows;
}

void IalsSweep::turn_starts(MatrixF& x, const MatrixF& axes, int threads) const {
  math::turn(x, axes, threads, [this](std::int64_t row) { return !is_short(row); });
}

Status IalsSweep::for_blocks(const OtherSide& others, MatrixF& x, const FitOptions& options,
                             void (Worker::*work)(Block)) const {
  constexpr std::int64_t kSection = 8192;  // blocks between two looks at `cancelled`
  const Shared shared(others, parameters_.alpha);
  std::vector<Worker> workers;
  for (int i = 0; i < math::thread_count(options.threads); ++i)
    workers.emplace_back(*this, others, shared, x);
  const auto count = static_cast<std::int64_t>(blocks_.size());
  for (std::int64_t first = 0; first < count; first += kSection) {
    ATTUNE_RETURN_IF_ERROR(check_cancelled(options.progress));
    math::parallel_for(std::min(kSection, count - first), 1, options.threads,
                       [&](std::int64_t begin, std::int64_t, int slot) {
                         (workers[static_cast<std::size_t>(slot)].*
                          work)(blocks_[static_cast<std::size_t>(first + begin)]);
                       });
  }
  return check_cancelled(options.progress);
}

Status IalsSweep::improve(const OtherSide& others, MatrixF& x, const FitOptions& options) const {
  switch (parameters_.solver) {
    case IalsSolver::cholesky:
      return for_blocks(others, x, options, &Worker::solve_exactly);
    case IalsSolver::conjugate_gradient:
      return for_blocks(others, x, options, &Worker::improve_by_gradients);
    case IalsSolver::subspace:
      return for_blocks(others, x, options, &Worker::improve_by_subspaces);
  }
  return {};
}

Status IalsSweep::finish(const OtherSide& others, MatrixF& x, const FitOptions& options) const {
  return for_blocks(others, x, options, &Worker::finish);
}

double IalsSweep::objective(const MatrixF& others, const MatrixF& x, bool errors,
                            int threads) const {
  constexpr std::int64_t kPart = 256;  // rows of one partial sum
  std::vector<double> parts(static_cast<std::size_t>((rows_.rows() + kPart - 1) / kPart), 0);
  math::parallel_for(rows_.rows(), kPart, threads, [&](std::int64_t begin, std::int64_t end, int) {
    std::vector<float> misses;
    double sum = 0;
    for (auto r = static_cast<std::int32_t>(begin); r < end; ++r) {
      const auto own = x.row(r);
      sum += ridges_[static_cast<std::size_t>(r)] * double{math::dot(own, own)};
      if (!errors) continue;
      const auto columns = rows_.columns_of(r);
      const float* weights = weights_.data() + rows_.offsets()[static_cast<std::size_t>(r)];
      misses.resize(columns.size());
      math::find_misses({.vectors = others.data().data(),
                         .width = x.columns(),
                         .rows = columns.data(),
                         .weights = weights,
                         .count = rows_.row_size(r)},
                        own.data(), misses.data());
      for (std::size_t i = 0; i < misses.size(); ++i)
        sum += double{weights[i]} * misses[i] * misses[i];
    }
    parts[static_cast<std::size_t>(begin / kPart)] = sum;
  });
  double total = 0;
  for (const double part : parts) total += part;
  return total;
}

}  // namespace attune::recommend
