#include "tools/study_report_page.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tensor/error.h"
#include "tensor/machine.h"
#include "tensor/text.h"
#include "tools/pages.h"
#include "tools/study_report_figure.h"

namespace gradus {

namespace {

using Json = nlohmann::ordered_json;

std::string paragraph(const std::string& text, const char* name = nullptr) {
  return name ? fmt::format("<p class=\"{}\">{}</p>\n", name, html_text(text))
              : fmt::format("<p>{}</p>\n", html_text(text));
}

std::string heading(const std::string& id, const std::string& text) {
  return fmt::format("<h2 id=\"{}\">{}</h2>\n", id, html_text(text));
}

std::string table_with_files(const ReportTable& t) {
  return html(t) + fmt::format(
                       "<p class=\"files\">This table as <a href=\"tables/{0}.csv\">CSV</a>, "
                       "<a href=\"tables/{0}.md\">Markdown</a>, <a "
                       "href=\"tables/{0}.tex\">LaTeX</a>.</p>\n",
                       t.id);
}

Json notes_json(const std::vector<Note>& notes) {
  Json all = Json::array();
  for (const Note& n : notes) all.push_back({n.start, n.end, n.pitch});
  return all;
}

Json part_json(const StudyListening& s, const ListeningPiece& piece, const ListeningPart& part) {
  return {{"kind", to_string(part.kind)},
          {"title", part.title},
          {"context", part.context},
          {"cs", part.score.cs},
          {"gs", part.score.gs},
          {"onsetF1", part.score.onset_f1()},
          {"midi", midi_path(s, piece, part).string()},
          {"notes", notes_json(part.notes)}};
}

Json listening_json(const ReportContent& content) {
  Json all = Json::array();
  for (const StudyListening& s : content.listening)
    for (const ListeningPiece& piece : s.listening.pieces) {
      Json parts = Json::array();
      for (const ListeningPart& part : piece.parts) parts.push_back(part_json(s, piece, part));
      const double seconds_per_quarter = static_cast<double>(60000000 / kListeningTempo) / 1e6;
      all.push_back({{"study", fmt::format("{}, preset {}", s.study, s.preset)},
                     {"name", fmt::format("{}, bars {} to {}", piece.name, piece.first_bar + 1,
                                          piece.first_bar + piece.ticks / piece.ticks_per_bar)},
                     {"ticks", piece.ticks},
                     {"bar", piece.ticks_per_bar},
                     {"secondsPerTick", seconds_per_quarter / kPopTicks},
                     {"melody", notes_json(piece.melody)},
                     {"bridge", notes_json(piece.bridge)},
                     {"parts", std::move(parts)}});
    }
  return all;
}

std::string results_html(const ReportContent& content, const StudyResults& r) {
  std::string out;
  for (const ReportTable& t : content.tables)
    if (t.id == "table2" + r.suffix || t.id == "table3" + r.suffix || t.id == "further" + r.suffix)
      out += table_with_files(t);
  const std::vector<std::string> reached = reached_by_floors(r);
  if (!reached.empty()) {
    out += "<h3>What needs no learning reaches</h3>\n<ul>\n";
    for (const std::string& text : reached) out += "<li>" + html_text(text) + "</li>\n";
    out += "</ul>\n";
  }
  const std::string figure = content.figure(r);
  if (!figure.empty()) {
    out += fmt::format(
        "<h3>Figure 4: what a context says, and what is made of it</h3>\n<div "
        "class=\"figure\">{}</div>\n",
        figure);
    out += paragraph(content.information
                         ? "Our points stand at the mutual information of the labels that our "
                           "models are given (small letters in Table I), the paper's at its own."
                         : "No table of mutual information was given (gradus data mi --csv): our "
                           "points stand where the paper's contexts do.",
                     "caption");
  }
  for (const ReportTable& t : content.tables)
    if (t.id == "training" + r.suffix) out += table_with_files(t);
  out += fmt::format(
      "<p class=\"files\">Every pair of encodings, in each context and measure: <a "
      "href=\"tables/tests{}.csv\">tests as CSV</a>.</p>\n",
      r.suffix);
  return out;
}

std::string listening_html(const ReportContent& content) {
  std::string out = heading("listen", "Listening");
  bool any = false;
  for (const StudyListening& s : content.listening) any = any || !s.listening.pieces.empty();
  if (any) {
    out += paragraph(
        "What stands in the held-out piece, what the floors play, and what the models play (the "
        "first seed of each row of Table III), beside the melody that all of them hear. A touch on "
        "a roll plays from there. The numbers are those of this window alone; every performance is "
        "a MIDI file as well.");
    out +=
        "<div id=\"listening\"></div>\n<noscript><p>Rolls and sound need the page's script; the "
        "MIDI files stand in the folder midi/.</p></noscript>\n";
  } else {
    bool rows_alone = true;
    for (const StudyListening& s : content.listening)
      for (const std::string& m : s.listening.missing)
        rows_alone = rows_alone && m.ends_with(kNoRunFolder);
    out += paragraph(rows_alone
                         ? "No run folder of a cell is here, only rows: there is nothing to hear."
                         : "There is nothing to hear:");
  }
  for (const StudyListening& s : content.listening) {
    if (s.listening.missing.empty()) continue;
    out += fmt::format("<details{}><summary>{}</summary><ul>\n", any ? "" : " open",
                       html_text(fmt::format("Without a sample, preset {}: {}", s.preset,
                                             s.listening.missing.size())));
    for (const std::string& m : s.listening.missing) out += "<li>" + html_text(m) + "</li>\n";
    out += "</ul></details>\n";
  }
  return out;
}

std::string header_html(const ReportContent& content) {
  std::vector<std::string> names;
  for (const StudyResults& r : content.results)
    if (std::find(names.begin(), names.end(), r.study) == names.end()) names.push_back(r.study);
  std::string out =
      fmt::format("<header>\n<h1>Report of the study {}</h1>\n", html_text(join(names)));
  for (const StudyResults& r : content.results)
    out += paragraph(fmt::format("Preset {}: {}.{}{}", r.preset, r.counts(),
                                 r.note.empty() ? "" : " What it changes: ", r.note));
  out += "<nav aria-label=\"Parts of this page\"><ul>";
  if (content.information) out += "<li><a href=\"#information\">Table I</a></li>";
  for (const StudyResults& r : content.results)
    out += fmt::format("<li><a href=\"#results{}\">Results{}</a></li>", html_text(r.suffix),
                       content.results.size() > 1 ? " of " + html_text(r.preset) : "");
  return out + "<li><a href=\"#listen\">Listening</a></li></ul></nav>\n</header>\n";
}

std::string footer_html(const ReportContent& content) {
  std::vector<std::string> machines;
  for (const StudyResults& r : content.results)
    for (const SeedGroup& g : r.groups)
      for (const CellRow* c : g.cells) {
        const std::string text = fmt::format("gradus {}, {}, level {}, {} thread{}, OpenBLAS {}",
                                             c->version, c->compiler, c->level, c->threads,
                                             c->threads == 1 ? "" : "s", c->blas_core);
        if (std::find(machines.begin(), machines.end(), text) == machines.end())
          machines.push_back(text);
      }
  return "<footer>\n" + paragraph("Cells were run with: " + join(machines, "; ") + ".") +
         paragraph(fmt::format("Page written by gradus {}.", machine().version)) + "</footer>\n";
}

}  // namespace

void ReportContent::add_tables() {
  if (information) tables.push_back(information_report(*information));
  for (const StudyResults& r : results)
    for (ReportTable t : {rope_table(r), encodings_table(r), further_table(r), training_table(r)})
      if (!t.rows.empty()) tables.push_back(std::move(t));
}

std::string ReportContent::figure(const StudyResults& r) const {
  return information_figure(r, information ? &*information : nullptr);
}

std::filesystem::path midi_path(const StudyListening& s, const ListeningPiece& piece,
                                const ListeningPart& part) {
  return std::filesystem::path("midi") /
         fmt::format("{}{}.mid", listening_name(piece, part), s.suffix);
}

std::string report_page(const ReportContent& content) {
  std::string body = header_html(content) + "<main>\n";
  body += paragraph(
      "POP909's chord labels were computed from the same arrangements that models are asked for: "
      "REP, KEY and BIN tell them part of the answer, and so does the floor block-chords, which "
      "strikes the given chord once a quarter. A number that a floor reaches shows nothing.");
  if (content.information) {
    body += heading("information", "What a context says about pitch");
    for (const ReportTable& t : content.tables)
      if (t.id == "table1") body += table_with_files(t);
  }
  for (const StudyResults& r : content.results) {
    body += heading("results" + r.suffix,
                    content.results.size() > 1
                        ? fmt::format("Results of {}, preset {}", r.study, r.preset)
                        : "Results");
    body += results_html(content, r);
  }
  body += listening_html(content) + "</main>\n" + footer_html(content);
  std::string page = page_with("study.html", listening_json(content).dump());
  constexpr std::string_view kBody = "<!-- body -->";
  const std::size_t at = page.find(kBody);
  check<InternalError>(at != std::string::npos, "the page of a study has no place for its body");
  return page.replace(at, kBody.size(), body);
}

}  // namespace gradus
