#include "train/study/report_listening.h"

#include <algorithm>
#include <map>
#include <set>

#include "data/pop909.h"
#include "tensor/error.h"
#include "train/generation.h"
#include "train/run_evaluation.h"
#include "train/run_vocabulary.h"

namespace gradus {

namespace {

constexpr int kTicks = kPopTicks;
constexpr int kMelodyVelocity = 88, kPartVelocity = 68;

/// What a run needs to be heard.
struct ReadyRun {
  ListeningRun run;
  RunFolder folder;
  Experiment own;
};

void add_missing(Listening& out, const ListeningRun& r, const std::string& why) {
  out.missing.push_back(
      fmt::format("{}{}{}: {}", r.title, r.context.empty() ? "" : ", ", r.context, why));
}

std::vector<ReadyRun> ready_runs(const ListeningRequest& request, Listening& out) {
  std::vector<ReadyRun> ready;
  for (const ListeningRun& r : request.runs) {
    std::string why(kNoRunFolder);
    if (std::filesystem::exists(r.folder)) try {
        RunFolder folder = RunFolder::open(r.folder);
        why = "no checkpoint yet";
        if (std::filesystem::exists(folder.checkpoint("best"))) {
          Experiment own = folder.experiment();
          ready.push_back({r, std::move(folder), std::move(own)});
          continue;
        }
      } catch (const Error& e) {
        why = e.rule();
      }
    out.missing.push_back(
        fmt::format("{}{}{}: {}", r.title, r.context.empty() ? "" : ", ", r.context, why));
  }
  return ready;
}

/// So many windows of different pieces, spread over all of them.
std::vector<PieceWindow> spread(const std::vector<PieceWindow>& windows, int64 count) {
  std::vector<PieceWindow> chosen;
  const auto n = static_cast<int64>(windows.size());
  std::set<std::size_t> used;
  for (int64 i = 0; i < count; ++i)
    for (int64 k = (2 * i + 1) * n / (2 * count); k < n; ++k)
      if (used.insert(windows[static_cast<std::size_t>(k)].piece).second) {
        chosen.push_back(windows[static_cast<std::size_t>(k)]);
        break;
      }
  return chosen;
}

/// The notes of a track that begin in the window, cut at its end.
std::vector<Note> notes_of(const SharedArray<Note>& track, const PieceWindow& w, int velocity) {
  std::vector<Note> notes;
  for (Note n : track) {
    if (n.start < w.begin || n.start >= w.begin + w.length) continue;
    n.start -= w.begin;
    n.end = std::min(n.end - w.begin, w.length);
    n.velocity = velocity;
    n.channel = 0;
    notes.push_back(n);
  }
  sort_notes(notes);
  return notes;
}

void add_part(ListeningPiece& piece, PartKind kind, const std::string& title,
              const std::string& context, std::vector<Note> notes, const Roll& target) {
  for (Note& n : notes) n.velocity = kPartVelocity, n.channel = 0;
  ListeningPart part{kind, title, context, std::move(notes), {}};
  if (kind != PartKind::target)
    part.score = harmony_score(make_roll(part.notes, 0, piece.ticks), target, {kTicks});
  piece.parts.push_back(std::move(part));
}

/// What a run plays, window by window, in ticks.
struct Performance {
  std::string title;
  std::vector<std::vector<Note>> notes;
};

/// A model that hears the piano's past plays by itself, as often as a listener may want to compare;
/// any other plays what is decoded.
std::vector<Performance> performances(const ReadyRun& run, const std::vector<Piece>& pieces,
                                      const std::vector<PieceWindow>& windows) {
  constexpr std::uint64_t kPlays = 3;
  Harmonizer harmonizer(run.own, load_vocabulary(run.folder));
  const TrainingPoint point =
      load_checkpoint(run.folder.checkpoint("best"), harmonizer.model(), nullptr);
  const int64 factor = kTicks / harmonizer.format().steps_per_quarter;
  std::vector<PieceWindow> heard = windows;
  for (PieceWindow& w : heard) w.begin /= factor, w.length /= factor;
  std::vector<Performance> all;
  if (harmonizer.hears_past()) {
    for (std::uint64_t seed = 1; seed <= kPlays; ++seed)
      all.push_back(
          {fmt::format("{}, played {}", run.run.title, seed),
           generate(harmonizer, pieces, heard, make_sampling(run.own, point.threshold, seed))});
  } else {
    const Decoding decoding = make_decoding(run.own, point.threshold);
    const std::vector<HarmonyProbabilities> p = harmonizer.probabilities(pieces, heard);
    all.push_back({run.run.title, {}});
    for (std::size_t i = 0; i < heard.size(); ++i)
      all.back().notes.push_back(decode(p[i], decoding, bar_grid(pieces[heard[i].piece])));
  }
  for (Performance& performance : all)
    for (std::vector<Note>& notes : performance.notes)
      for (Note& n : notes) n.start *= factor, n.end *= factor;
  return all;
}

}  // namespace

std::string_view to_string(PartKind kind) {
  constexpr std::string_view kNames[] = {"target", "floor", "model"};
  return kNames[static_cast<std::size_t>(kind)];
}

Listening make_listening(const ListeningRequest& request) {
  Listening out;
  const std::vector<ReadyRun> runs = ready_runs(request, out);
  if (runs.empty()) return out;
  Experiment e = runs[0].own;
  if (!request.source.empty()) e.data.source = request.source;
  std::map<int64, std::vector<Piece>> heard;  // by grid
  heard[e.data.grid] = read_harmony_data(data_request(e, request.cache)).pieces;
  const EvaluationWindows judged =
      evaluation_windows(judged_pieces(e, heard[e.data.grid], request.cache),
                         evaluation_split(heard[e.data.grid]), request.bars, window_kind(e));
  const std::vector<PieceWindow> windows = spread(judged.windows, request.pieces);
  std::vector<Roll> targets;
  for (const PieceWindow& w : windows) {
    const Piece& p = judged.pieces[w.piece];
    ListeningPiece piece{p.name,
                         w.begin / p.steps_per_bar,
                         w.length,
                         p.steps_per_bar,
                         notes_of(p.melody, w, kMelodyVelocity),
                         notes_of(p.bridge, w, kMelodyVelocity),
                         {}};
    targets.push_back(make_roll(p.accompaniment.to_vector(), w.begin, w.length));
    add_part(piece, PartKind::target, "target", "", notes_of(p.accompaniment, w, kPartVelocity),
             targets.back());
    const KnownMusic known = known_music(p, w);
    for (const Floor& f : floors())
      add_part(piece, PartKind::floor, std::string(f.name), "", f.play(known), targets.back());
    out.pieces.push_back(std::move(piece));
  }
  for (const ReadyRun& run : runs) {
    if (!heard.count(run.own.data.grid)) {
      Experiment other = run.own;
      other.data.source = e.data.source;
      heard[run.own.data.grid] = read_harmony_data(data_request(other, request.cache)).pieces;
    }
    try {
      for (const Performance& p : performances(run, heard[run.own.data.grid], windows))
        for (std::size_t i = 0; i < windows.size(); ++i)
          add_part(out.pieces[i], PartKind::model, p.title, run.run.context, p.notes[i],
                   targets[i]);
    } catch (const Error& error) {
      add_missing(out, run.run, error.rule());
    }
  }
  return out;
}

Song listening_song(const ListeningPiece& piece, const ListeningPart& part) {
  Song song;
  song.title = fmt::format("{}, {}", piece.name, part.title);
  song.tempos = {TempoChange{0, 60000000 / kListeningTempo}};
  song.time_signatures = {TimeSignature{0, piece.ticks_per_bar / kTicks, 4}};
  int channel = 0;
  const auto add = [&](const std::string& name, std::vector<Note> notes) {
    if (notes.empty()) return;
    notes = to_ticks(std::move(notes), song.ticks_per_quarter, kTicks);
    for (Note& n : notes) n.channel = channel;
    sort_notes(notes);
    song.tracks.push_back({name, 0, std::move(notes)});
    ++channel;
  };
  add("melody", piece.melody);
  add("bridge", piece.bridge);
  add(part.title, part.notes);
  return song;
}

std::string listening_name(const ListeningPiece& piece, const ListeningPart& part) {
  std::string name = fmt::format("{}-bar{}-{}{}{}", piece.name, piece.first_bar + 1, part.title,
                                 part.context.empty() ? "" : "-", part.context);
  std::string plain;
  for (char c : name) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '+';
    if (kept)
      plain += c;
    else if (!plain.empty() && plain.back() != '-')
      plain += '-';
  }
  return plain;
}

}  // namespace gradus
