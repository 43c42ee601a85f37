// The equations of "Of All StrIPEs" (Agarwal et al. 2025) for own traits: scores of random tokens
// against sums over pairs of coordinates, of unit pairs against cosines of angles, and of the one
// pair of tokens whose numbers were worked out by hand.
#pragma once

#include "pe/suite_own.h"

namespace gradus::suite {

/// Of coordinates (q1, q2) and (k1, k2) that are a pair, interleaved, at angles whose difference is
/// `minus` and whose sum is `plus`.
using PairTerm = double (*)(double q1, double q2, double k1, double k2, double minus, double plus);
/// a_mn = sum over pairs of term, with these options and random frequencies for each head.
Finding prove_pairs(const SuiteSubject& s, const Options& options, PairTerm term);

/// One head of one pair with these frequencies, f and f where they go with coordinates.
enum class AngleFrequencies { of_pairs, of_coordinates };
struct Angles {
  double content_q, context_q, content_k, context_k;  ///< psi and f xi
};
/// a_mn of unit vectors at content angles psi and labels xi = context / f.
double angle_score(const SuiteSubject& s, const Options& options, AngleFrequencies frequencies,
                   double f, const Angles& a);
Finding prove_angles(const SuiteSubject& s, const Options& options, AngleFrequencies frequencies,
                     double (*expected)(const Angles&));

/// q = (.5, -1, 2, .25) at label 2 and k = (1.5, .75, -.5, 1) at label 5, to 10 digits.
struct GoldenPair {
  std::initializer_list<const char*> settings;
  double score;
  Numbers q = {}, k = {};  ///< features, or empty
};
Finding prove_golden(const SuiteSubject& s, std::initializer_list<GoldenPair> pairs);

}  // namespace gradus::suite
