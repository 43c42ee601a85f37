// What a report lets one hear: windows of held-out pieces, and what the target, the floors and
// trained models play in them, on the papers' grid of 16 ticks a quarter.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/evaluation.h"
#include "train/experiment.h"

namespace gradus {

enum class PartKind : std::uint8_t { target, floor, model };
std::string_view to_string(PartKind kind);

struct ListeningPart {
  PartKind kind = PartKind::target;
  std::string title;        ///< "RoPEPool, seed 1"
  std::string context;      ///< of a model; "" where all contexts share it
  std::vector<Note> notes;  ///< in ticks from the window's begin
  HarmonyScore score = {};  ///< of this window alone; nothing for the target
};
struct ListeningPiece {
  std::string name;
  int64 first_bar = 0, ticks = 0;
  int ticks_per_bar = 64;
  std::vector<Note> melody, bridge;
  std::vector<ListeningPart> parts;  ///< target, floors, models
};

/// A model by its run folder. One that hears the piano's past plays three times, by itself.
struct ListeningRun {
  std::string title, context;
  std::filesystem::path folder;
};
/// How a line of `missing` ends where nothing but a row is there.
inline constexpr std::string_view kNoRunFolder = "no run folder here";
struct Listening {
  std::vector<ListeningPiece> pieces;
  std::vector<std::string> missing;  ///< runs that could not be heard, and why
};
struct ListeningRequest {
  std::vector<ListeningRun> runs;
  std::string source;  ///< of the data; empty: where the first run's came from
  int64 bars = 16, pieces = 3;
  std::filesystem::path cache;
};
/// Windows spread over the pieces of the test split (validation where there is none). A run without
/// a checkpoint is missing, not an error; where none has one, there are no pieces.
Listening make_listening(const ListeningRequest& request);

/// Quarters a minute, in MIDI files and on the page.
inline constexpr int kListeningTempo = 90;
/// Melody, bridge and the part as tracks of their own.
Song listening_song(const ListeningPiece& piece, const ListeningPart& part);
/// "051-16-ropepool-seed-1-BIN": piece, first bar and part, as a file may be called.
std::string listening_name(const ListeningPiece& piece, const ListeningPart& part);

}  // namespace gradus
