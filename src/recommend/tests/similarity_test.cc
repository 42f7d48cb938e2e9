#include "similarity.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "attune/base/random.h"

namespace attune::recommend {
namespace {

using math::CsrMatrix;

CsrMatrix random_documents(std::uint64_t seed) {
  Rng rng(seed, "documents");
  std::vector<math::Triplet> cells;
  for (int i = 0; i < 120; ++i) {
    cells.push_back({static_cast<std::int32_t>(rng.below(15)),
                     static_cast<std::int32_t>(rng.below(12)),
                     static_cast<float>(1 + rng.below(5)),
                     {}});
  }
  return CsrMatrix::from_triplets(15, 12, cells, CsrMatrix::Times::drop).value();
}

// Reference: dense rows and the definitions of similarity.h, word for word.
double reference(const CsrMatrix& m, std::int32_t a, std::int32_t b,
                 const SimilarityParameters& p) {
  const double unit = std::accumulate(m.weights().begin(), m.weights().end(), 0.0) /
                      static_cast<double>(m.entries());
  double product = 0, squares_a = 0, squares_b = 0, n = 0, sa = 0, sb = 0, in_a = 0, in_b = 0;
  std::vector<std::pair<double, double>> shared;
  for (std::int32_t t = 0; t < m.columns(); ++t) {
    const double x = m.weight(a, t) / unit, y = m.weight(b, t) / unit;
    squares_a += x * x, squares_b += y * y, product += x * y;
    in_a += x > 0, in_b += y > 0;
    if (x > 0 && y > 0) n += 1, sa += x, sb += y, shared.emplace_back(x, y);
  }
  const double support = n == 0 ? 0 : n / (n + p.shrink);
  switch (p.similarity) {
    case Similarity::cosine:
      return product / (std::sqrt(squares_a * squares_b) + p.shrink);
    case Similarity::dot:
      return product * support;
    case Similarity::jaccard:
      return n / (in_a + in_b - n + p.shrink);
    case Similarity::euclidean:
      return n == 0 ? 0 : support / (1 + std::sqrt(squares_a + squares_b - 2 * product));
    case Similarity::pearson: {
      double cov = 0, va = 0, vb = 0;
      for (const auto& [x, y] : shared) {
        cov += (x - sa / n) * (y - sb / n), va += std::pow(x - sa / n, 2),
            vb += std::pow(y - sb / n, 2);
      }
      return n < 2 || va < 1e-9 || vb < 1e-9 ? 0 : support * cov / std::sqrt(va * vb);
    }
  }
  return 0;
}

TEST(SimilarityIndexProperty, EqualsTheDefinitionsForEveryPair) {
  for (const Similarity kind : {Similarity::cosine, Similarity::dot, Similarity::jaccard,
                                Similarity::euclidean, Similarity::pearson}) {
    for (const double shrink : {0.0, 3.0}) {
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        SimilarityParameters parameters;
        parameters.similarity = kind;
        parameters.shrink = shrink;
        const CsrMatrix documents = random_documents(seed);
        const SimilarityIndex index(documents, parameters);
        SimilarityIndex::Scratch scratch;
        for (std::int32_t a = 0; a < documents.rows(); ++a) {
          std::vector<double> found(15, 0);
          for (const auto& entry :
               index.similar({documents.columns_of(a), documents.weights_of(a)}, a, 100, scratch)) {
            found[static_cast<std::size_t>(entry.index)] = entry.score;
          }
          for (std::int32_t b = 0; b < documents.rows(); ++b) {
            const double expected =
                a == b ? 0 : std::max(0.0, reference(documents, a, b, parameters));
            EXPECT_NEAR(found[static_cast<std::size_t>(b)], expected, 1e-4 * (1 + expected))
                << a << " " << b;
          }
        }
      }
    }
  }
}

TEST(SimilarityIndex, KeepsTheBestAboveTheThreshold) {
  const CsrMatrix documents = random_documents(1);
  SimilarityParameters parameters;
  SimilarityIndex::Scratch scratch;
  const DocumentView first{documents.columns_of(0), documents.weights_of(0)};
  const auto all = SimilarityIndex(documents, parameters).similar(first, 0, 100, scratch);
  const auto three = SimilarityIndex(documents, parameters).similar(first, 0, 3, scratch);
  EXPECT_EQ(three, (std::vector<math::ScoredIndex>(all.begin(), all.begin() + 3)));
  parameters.threshold = all[4].score;
  EXPECT_EQ(SimilarityIndex(documents, parameters).similar(first, 0, 100, scratch).size(), 4u);
}

TEST(SimilarityIndex, WeighsTermsByTheirFormulas) {
  // Term 0 in both documents, term 1 in one; mean weight 7/3, so lengths 9/7 and 12/7, mean 3/2.
  const std::vector<math::Triplet> cells{{0, 0, 1, {}}, {0, 1, 2, {}}, {1, 0, 4, {}}};
  const CsrMatrix documents = CsrMatrix::from_triplets(2, 2, cells, CsrMatrix::Times::drop).value();
  const double idf0 = std::log(3.0 / 3) + .01, idf1 = std::log(3.0 / 2) + .01;
  SimilarityParameters parameters;
  parameters.weighting = Weighting::tfidf;
  const SimilarityIndex tfidf(documents, parameters);
  EXPECT_NEAR(tfidf.documents().weight(0, 1), std::sqrt(6.0 / 7) * idf1, 1e-6);
  EXPECT_NEAR(tfidf.documents().weight(1, 0), std::sqrt(12.0 / 7) * idf0, 1e-6);
  parameters.weighting = Weighting::bm25;
  const SimilarityIndex bm25(documents, parameters);
  const double norm = 1.2 * (1 - .75 + .75 * (9.0 / 7) / 1.5);
  EXPECT_NEAR(bm25.documents().weight(0, 1), (6.0 / 7) * 2.2 / (6.0 / 7 + norm) * idf1, 1e-6);
}

TEST(SimilarityIndexProperty, SharesSumToTheSimilarity) {
  for (const Similarity kind : {Similarity::cosine, Similarity::dot, Similarity::jaccard,
                                Similarity::euclidean, Similarity::pearson}) {
    SimilarityParameters parameters;
    parameters.similarity = kind;
    const CsrMatrix documents = random_documents(7);
    const SimilarityIndex index(documents, parameters);
    SimilarityIndex::Scratch scratch;
    for (std::int32_t a = 0; a < documents.rows(); ++a) {
      const DocumentView document{documents.columns_of(a), documents.weights_of(a)};
      for (const auto& entry : index.similar(document, a, 100, scratch)) {
        const auto shares = index.shares(document, entry.index, entry.score);
        EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0), entry.score, 1e-5);
      }
    }
  }
}

}  // namespace
}  // namespace attune::recommend
