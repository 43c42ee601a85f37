// The table of positional encodings: one entry an encoding, from which come the experiment file's
// options, `gradus pe`, pe/README.md, and the suite that proves the declared traits (pe/suite.h).
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/attention_core.h"
#include "nn/position.h"

namespace gradus {

struct SuiteSubject;
namespace suite {
struct Finding;
}  // namespace suite

/// Whether a proof takes the options of its subject, or others, so that one a row is enough.
enum class ProofOptions { of_subject, other };
/// What an encoding claims beside its Traits, and how the suite proves it (pe/suite.h).
struct OwnTrait {
  std::string_view name;  ///< "slopes"
  std::string_view says;  ///< what holds
  suite::Finding (*prove)(const SuiteSubject&);
  ProofOptions options = ProofOptions::of_subject;
};

struct EncodingDef {
  std::string_view name;
  std::string_view family;
  std::string_view formula;
  std::string_view takes;       ///< which labels, in words
  std::string_view source;      ///< paper
  std::string_view derivation;  ///< equations with their numbers, and the layout of the features
  Traits traits;                ///< of the default options
  std::vector<OwnTrait> own_traits = {};
  std::vector<OptionInfo> options;
  /// Reads its options and leaves the others to Options::finish().
  std::unique_ptr<PositionalEncoding> (*make)(const Build&, EncodingShape, Options&);
};

/// Sorted by name.
std::span<const EncodingDef* const> encodings();
/// ConfigError with the list and the nearest spelling for an unknown name.
const EncodingDef& find_encoding(std::string_view name);
/// What a model asks for; the name is checked here, the options where the model is built.
MakeEncoding make_encoding(std::string_view name, Options options = {});
/// The same, at once. ConfigError for sizes that make no head.
std::unique_ptr<PositionalEncoding> build_encoding(const EncodingDef& def, const Build& build,
                                                   EncodingShape shape, Options options = {});

/// Labels f64 [B|1, N, L] under the names that an encoding reads: those that it has too many of
/// belong to its first name, "chroma.0", "chroma.1", ... For `who`, ShapeError for too few.
Positions positions_for(const PositionalEncoding& e, const Tensor& labels, std::string_view who);

/// Which hooks a core carries, by its kind (the core itself decides, in make_core).
bool core_fits(CoreKind core, unsigned hooks);
/// "attention = linear carries f_stripe1, none, ...; 'alibi' goes with attention = softmax": what
/// make_core adds to a refusal (nn/position.h: FittingText). `hooks`: of the encoding as built.
std::string fitting_text(std::string_view encoding, unsigned hooks, CoreKind core);

/// The table as Markdown: pe/README.md holds it.
std::string encodings_markdown();
/// "embed, transform".
std::string hooks_text(unsigned hooks);
/// "relative: exactly; keeps the norm; learned".
std::string traits_text(const Traits& traits);
/// The same, and what its own traits say.
std::string traits_text(const EncodingDef& def);

}  // namespace gradus
