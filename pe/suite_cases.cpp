// The settings on which the suite is run: every entry of the table stands here, with labels of one
// number and of several, and each variant.
#include <algorithm>

#include "pe/suite.h"

namespace gradus {

const std::vector<SuiteCase>& suite_cases() {
  static const std::vector<SuiteCase> list{
      {"alibi", {}},
      {"alibi", {"slopes=released", "tracks=bar"}},
      {"alibi", {"tracks=time,bar,beat"}},
      {"alibi", {"tracks=chroma", "width=12"}},
      {"conv_spe", {"kernel=6", "realizations=16"}},
      {"conv_spe", {"kernel=5", "realizations=16", "tracks=chord"}},
      {"cope", {"places=3"}},
      {"cope", {"places=9", "tables=own"}},
      {"cosformer", {"max_length=16"}},
      {"cosformer", {"max_length=9", "tracks=chord"}},
      {"deberta", {"clip=3"}},
      {"deberta", {"clip=2", "tracks=time,chord"}},
      {"f_stripe", {"sines=2"}},
      {"f_stripe", {"sines=3", "pooled=false"}},
      {"f_stripe", {"sines=2", "tracks=chroma", "width=12"}},
      {"f_stripe", {"pooled=false", "phases=false", "gains=false", "tracks=time,chord"}},
      {"f_stripe1", {}},
      {"f_stripe1", {"pooled=false"}},
      {"f_stripe1", {"tracks=chroma", "width=12"}},
      {"f_stripe1", {"tracks=time,chord", "pooled=false", "parametrisation=sigmoid"}},
      {"f_stripe1", {"parametrisation=free", "pooled=false", "frequencies=1,0.5,0.1,0.01"}},
      {"f_stripe_sff", {"realizations=16", "sines=2"}},
      {"f_stripe_sff", {"realizations=16", "sines=1", "tracks=time,chord"}},
      {"f_stripe_sff", {"realizations=8", "tracks=chroma", "width=12", "gains=false"}},
      {"fire", {"hidden=16", "threshold=2"}},
      {"fire", {"hidden=4", "threshold=1000", "curvature=3"}},
      {"gated", {"realizations=16", "sines=2"}},
      {"gated", {"wraps=f_stripe_sff", "tracks=chroma", "width=3", "realizations=16"}},
      {"gated", {"wraps=conv_spe", "kernel=6", "realizations=16"}},
      {"kerple", {"tracks=time,bar"}},
      {"kerple", {"kernel=power", "r1=1.5,0.5", "r2=0.25,1.9"}},
      {"kerple", {}},
      {"learned", {"max_length=9"}},
      {"learned", {"max_length=8", "tracks=chord"}},
      {"lrpe", {}},
      {"lrpe", {"basis=identity", "tracks=chroma", "width=3"}},
      {"lrpe", {"lambda=unitary", "basis=odd_even", "stage=after"}},
      {"lrpe", {"lambda=unitary", "basis=identity"}},
      {"lrpe", {"lambda=permutation", "basis=identity"}, false},
      {"lrpe", {"lambda=permutation", "stage=after", "tracks=chord"}, false},
      {"lrpe", {"lambda=permutation", "basis=odd_even", "stage=after"}, false},
      {"music_transformer", {"clip=3"}},
      {"music_transformer", {"clip=9", "tables=shared"}},
      {"none", {}},
      {"ns_rpe", {}},
      {"ns_rpe", {"tracks=chord", "bases=100", "segment_base=50"}},
      {"permuteformer", {}},
      {"permuteformer", {"decay=false"}},
      {"permuteformer", {"decay=false", "tracks=chord"}},
      {"randomized", {}},
      {"randomized", {"wraps=alibi", "range=64"}},
      {"randomized", {"wraps=fire", "hidden=6", "threshold=2", "range=32"}},
      {"randomized", {"wraps=learned", "max_length=40", "range=40"}},
      {"randomized", {"wraps=shaw", "clip=9", "range=12"}},
      {"randomized", {"wraps=sine_spe", "realizations=16"}},
      {"rff", {}},
      {"rff", {"kernel=laplace", "samples=2", "length=3"}},
      {"rff", {"kernel=matern", "smoothness=0.5", "tracks=chroma", "width=3"}},
      {"rope", {}},
      {"rope", {"variant=B", "pairing=half"}},
      {"rope", {"variant=C"}},
      {"rope", {"variant=C", "tracks=chroma", "width=12", "pairing=half"}},
      {"rope", {"tracks=time,bar", "deviation=0.1"}},
      {"rope", {"variant=B", "tracks=chroma", "width=3"}},
      {"rope", {"frequencies=0.5,0.1"}},
      {"rope", {"stage=after"}},
      {"rope", {"stage=after", "variant=C", "features=4"}},
      {"rope_scaled", {}},
      {"rope_scaled", {"method=ntk", "scale=4"}, false},
      {"rope_scaled", {"method=yarn", "scale=8", "tracks=bar", "pairing=half"}},
      {"rope_scaled", {"method=yarn", "scale=1"}},
      {"ropepool", {}},
      {"ropepool", {"pool=cross_pair", "pairing=half"}},
      {"ropepool", {"pool=total"}},
      {"ropepool", {"tracks=chroma", "width=12"}},
      {"ropepool", {"pairing=half", "frequencies=1,0.1,0.5,0.05"}},
      {"s_ape", {"tracks=chord", "values=9"}},
      {"s_ape", {"tracks=melody,section", "values=8,10"}},
      {"s_ape", {"codes=sine"}},
      {"s_ape", {"codes=sine", "tracks=chroma", "width=3", "bases=10"}},
      {"s_rpe", {"tracks=chord", "clips=2"}},
      {"s_rpe", {"tracks=melody,section", "clips=1,3"}},
      {"s_rpe", {"codes=sine", "tracks=chord"}},
      {"s_rpe", {"codes=sine", "tracks=time,bar", "bases=10,100"}},
      {"sandwich", {}},
      {"sandwich", {"terms=6", "tracks=time,bar", "base=100"}},
      {"shaw", {"clip=3"}},
      {"shaw", {"clip=2", "tables=own", "tracks=chord,bar"}},
      {"shaw", {"values=false", "tracks=bin", "width=12", "clip=1"}},
      {"sine_spe", {"realizations=16"}},
      {"sine_spe", {"realizations=32", "sines=1", "phases=false", "tracks=chord"}},
      {"sinusoidal", {}},
      {"sinusoidal", {"tracks=beat", "base=100"}},
      {"sinusoidal", {"tracks=chroma", "width=12"}},
      {"sinusoidal", {"tracks=time,bar", "deviation=0.1"}},
      {"t5", {}},
      {"t5", {"direction=both", "buckets=8", "distance=3", "scaled=false"}},
      {"t5", {"tracks=time,bar", "buckets=4", "distance=3"}},
      {"toeplitz", {"max_length=402"}},
      {"toeplitz", {"max_length=402", "tracks=chord"}},
      {"transformer_xl", {}},
      {"transformer_xl", {"tracks=time,bar", "base=100"}},
      {"xpos", {"max_length=16"}},
      {"xpos", {"max_length=20", "scale=4", "tracks=beat", "pairing=half"}},
  };
  return list;
}

SuiteSubject subject_of(const SuiteCase& c) {
  Options options;
  for (const char* s : c.settings) options.set(s);
  SuiteSubject subject = subject_of(find_encoding(c.name), options);
  subject.any_size &= c.any_size;
  subject.name = c.name;
  for (const char* s : c.settings) subject.name += fmt::format(" {}", s);
  const SuiteCase& first = *std::find_if(suite_cases().begin(), suite_cases().end(),
                                         [&c](const SuiteCase& o) { return o.name == c.name; });
  if (first.settings != c.settings) {
    subject.row = {};
    std::erase_if(subject.own_traits,
                  [](const OwnTrait& t) { return t.options == ProofOptions::other; });
  }
  return subject;
}

}  // namespace gradus
