// The page of a study's report: tables, figure, and what can be heard, in one file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/study/report_listening.h"
#include "train/study/report_tables.h"

namespace gradus {

struct StudyListening {
  std::string study, preset, suffix;
  Listening listening;
};
struct ReportContent {
  std::vector<StudyResults> results;
  std::optional<InformationTable> information;
  std::vector<ReportTable> tables;
  std::vector<StudyListening> listening;

  /// Makes the tables of all results, in the order of the page; those without rows are left out.
  void add_tables();
  std::string figure(const StudyResults& results) const;
};

/// "midi/NAME.mid", below the report's folder.
std::filesystem::path midi_path(const StudyListening& listening, const ListeningPiece& piece,
                                const ListeningPart& part);
std::string report_page(const ReportContent& content);

}  // namespace gradus
