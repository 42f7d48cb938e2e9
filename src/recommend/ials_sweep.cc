#include "ials_sweep.h"

#include <algorithm>
#include <cmath>

#include "attune/math/kernels.h"
#include "attune/math/parallel.h"
#include "attune/math/products.h"
#include "fit_loop.h"

namespace attune::recommend {
namespace {

using math::CsrMatrix;
using math::MatrixF;

constexpr std::int32_t kBlockRows = 32;
constexpr std::int64_t kBlockNumbers = 65'536;  // of the vectors that a block meets: 256 KiB
constexpr int kFinishSteps = 100;
constexpr double kFinished = 1e-6;  // of a vector's length

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

// Works on one block after the other, on one thread.
class IalsSweep::Worker {
 public:
  // `gramian`: alpha times that of the vectors.
  Worker(const IalsSweep& sweep, const MatrixF& vectors, const MatrixF& gramian,
         const MatrixF& plain_gramian, MatrixF& x)
      : sweep_(sweep),
        vectors_(vectors),
        gramian_(gramian),
        x_(x),
        width_(x.columns()),
        exact_(vectors, plain_gramian, sweep.parameters_, sweep.confidence_) {}

  void improve_by_gradients(Block block) {
    start(block);
    for (int step = 0; step < sweep_.parameters_.conjugate_gradient_steps; ++step) advance(block);
  }

  void finish(Block block) {
    start(block);
    for (int step = 0; step < kFinishSteps && !std::ranges::all_of(done_, std::identity{}); ++step)
      advance(block);
    for (std::int32_t r = block.begin; r < block.end; ++r) {
      if (!done_[static_cast<std::size_t>(r - block.begin)]) solve_row(r);
    }
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
      math::multiply_add(rows, size, width_, {x_.row(block.begin).data(), width_, 1},
                         {gramian_.data().data() + first, width_}, {product_.data(), size});
      for (std::int32_t r = block.begin; r < block.end; ++r) {
        if (m.row_size(r) == 0) continue;
        const float* shared = product_.data() + (r - block.begin) * size;
        solve_subspace(r, first, size, shared, misses_of(r));
      }
    }
  }

 private:
  math::EntryVectors entries(std::int32_t row) const {
    const CsrMatrix& m = sweep_.rows_;
    const auto begin = m.offsets()[static_cast<std::size_t>(row)];
    const std::int64_t count = m.row_size(row);
    return {.vectors = vectors_.data().data(),
            .width = width_,
            .rows = m.column_indices().data() + begin,
            .weights = sweep_.weights_.data() + begin,
            .count = count,
            .ahead = std::min<std::int64_t>(m.entries() - begin - count, 32)};
  }

  float ridge(std::int32_t row) const { return sweep_.ridges_[static_cast<std::size_t>(row)]; }
  std::span<float> part(math::AlignedVector<float>& of, std::int64_t row) const {
    return {of.data() + row * width_, static_cast<std::size_t>(width_)};
  }

  // out = A p of the block's rows but for what the entries add. Shapes: (rows, width).
  void multiply_shared(Block block, const float* p, float* out) {
    const auto rows = static_cast<std::int64_t>(block.end - block.begin);
    for (std::int64_t r = 0; r < rows; ++r) {
      const float lambda = ridge(block.begin + static_cast<std::int32_t>(r));
      for (std::int64_t j = r * width_; j < (r + 1) * width_; ++j) out[j] = lambda * p[j];
    }
    math::multiply_add(rows, width_, width_, {p, width_, 1}, {gramian_.data().data(), width_},
                       {out, width_});
  }

  // Residuals b - A x, which are the first directions.
  void start(Block block) {
    const auto rows = static_cast<std::size_t>(block.end - block.begin);
    const std::size_t numbers = rows * static_cast<std::size_t>(width_);
    product_.resize(numbers);
    residual_.resize(numbers);
    error_.resize(rows);
    done_.assign(rows, false);
    for (std::int32_t r = block.begin; r < block.end; ++r) {
      if (sweep_.rows_.row_size(r) == 0) std::ranges::fill(x_.row(r), 0.0f);
    }
    multiply_shared(block, x_.row(block.begin).data(), product_.data());
    std::ranges::transform(product_, residual_.begin(), std::negate<>{});
    for (std::int32_t r = block.begin; r < block.end; ++r) {
      const auto own = part(residual_, r - block.begin);
      math::add_misses(entries(r), x_.row(r).data(), own.data());
      error_[static_cast<std::size_t>(r - block.begin)] = math::dot(own, own);
    }
    direction_ = residual_;
  }

  // One step of conjugate gradients [HestenesStiefel1952] of every row that is not done.
  void advance(Block block) {
    multiply_shared(block, direction_.data(), product_.data());
    for (std::int32_t r = block.begin; r < block.end; ++r) {
      const auto place = static_cast<std::size_t>(r - block.begin);
      if (done_[place]) continue;
      const auto direction = part(direction_, r - block.begin),
                 residual = part(residual_, r - block.begin),
                 product = part(product_, r - block.begin);
      math::add_projections(entries(r), direction.data(), product.data());
      const double curvature = math::dot(direction, product);
      if (!(curvature > 0)) {
        done_[place] = error_[place] == 0;
        continue;
      }
      const auto length = static_cast<float>(error_[place] / curvature);
      math::axpy(length, direction, x_.row(r));
      math::axpy(-length, product, residual);
      done_[place] = double{length} * length * math::dot(direction, direction) <=
                     kFinished * kFinished * math::dot(x_.row(r), x_.row(r));
      const double next = math::dot(residual, residual);
      const auto turn = static_cast<float>(next / error_[place]);
      for (std::size_t j = 0; j < direction.size(); ++j)
        direction[j] = residual[j] + turn * direction[j];
      error_[place] = next;
    }
  }

  void solve_row(std::int32_t row) {
    exact_.solve(sweep_.rows_.columns_of(row), sweep_.rows_.weights_of(row), IalsSolver::cholesky,
                 exact_scratch_, x_.row(row));
  }

  // `shared`: (alpha G x) of these columns.
  void solve_subspace(std::int32_t row, std::int64_t first, std::int64_t size, const float* shared,
                      float* misses) {
    system_.resize(static_cast<std::size_t>(size * size));
    step_.resize(static_cast<std::size_t>(size));
    const float lambda = ridge(row);
    float* x = x_.row(row).data() + first;
    for (std::int64_t i = 0; i < size; ++i) {
      const float* source = gramian_.data().data() + (first + i) * width_ + first;
      std::copy_n(source, size, system_.data() + i * size);
      const bool padding = first + i >= sweep_.parameters_.factors;
      system_[static_cast<std::size_t>(i * size + i)] += padding ? 1 : lambda;
      step_[static_cast<std::size_t>(i)] = -shared[i] - lambda * x[i];
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
  const MatrixF& vectors_;
  const MatrixF& gramian_;
  MatrixF& x_;
  std::int64_t width_;
  IalsSystem exact_;
  IalsSystem::Scratch exact_scratch_;
  math::AlignedVector<float> product_, residual_, direction_;  // (rows of the block, width)
  std::vector<double> error_;  // |residual|^2 of each row of the block
  std::vector<bool> done_;
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

Status IalsSweep::for_blocks(const OtherSide& others, MatrixF& x, const FitOptions& options,
                             void (Worker::*work)(Block)) const {
  constexpr std::int64_t kSection = 8192;  // blocks between two looks at `cancelled`
  MatrixF shared = others.gramian;
  for (float& value : shared.data()) value *= static_cast<float>(parameters_.alpha);
  std::vector<Worker> workers;
  for (int i = 0; i < math::thread_count(options.threads); ++i)
    workers.emplace_back(*this, others.vectors, shared, others.gramian, x);
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

double IalsSweep::objective(const OtherSide& others, const MatrixF& x, bool errors,
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
      math::find_misses({.vectors = others.vectors.data().data(),
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
