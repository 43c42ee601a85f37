#include "train/study/report_table.h"

#include <cmath>

#include "tensor/error.h"
#include "tensor/text.h"

namespace gradus {

namespace {

std::string full(double x) { return std::isnan(x) ? "" : fmt::format("{}", x); }

void check_rows(const ReportTable& t) {
  for (const ReportRow& r : t.rows)
    check<InternalError>(r.numbers.size() == t.columns.size(),
                         "a row of {} numbers in a table of {} columns", r.numbers.size(),
                         t.columns.size());
}

/// A field of CSV, in quotes where it has to be.
std::string field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

std::string latex_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string_view rest = text.substr(i);
    const auto replace = [&](std::string_view what, const char* with) {
      if (!rest.starts_with(what)) return false;
      out += with;
      i += what.size() - 1;
      return true;
    };
    if (replace("↑", "$\\uparrow$") || replace("↓", "$\\downarrow$") || replace("±", "$\\pm$") ||
        replace("†", "$^\\dagger$") || replace("*", "$^*$") || replace("·", "$\\cdot$") ||
        replace("×", "$\\times$") || replace("<", "$<$") || replace(">", "$>$"))
      continue;
    if (std::string_view("&%$#_{}").find(text[i]) != std::string_view::npos) out += '\\';
    out += text[i];
  }
  return out;
}

/// Runs of columns in the same group: the group and how many.
struct Run {
  std::string group;
  std::size_t columns = 0;
};
std::vector<Run> runs(const ReportTable& t) {
  std::vector<Run> all;
  for (const ReportColumn& c : t.columns) {
    if (all.empty() || all.back().group != c.group) all.push_back({c.group, 0});
    ++all.back().columns;
  }
  return all;
}

bool grouped(const ReportTable& t) {
  for (const ReportColumn& c : t.columns)
    if (!c.group.empty()) return true;
  return false;
}

bool has_sections(const ReportTable& t) { return !t.section_name.empty(); }

std::string seeds_text(const ReportRow& r) { return r.seeds > 0 ? fmt::format("{}", r.seeds) : ""; }

bool counts_seeds(const ReportTable& t) {
  for (const ReportRow& r : t.rows)
    if (r.seeds > 0) return true;
  return false;
}

}  // namespace

std::string_view to_string(RowKind kind) {
  constexpr std::string_view kNames[] = {"measured", "paper", "floor"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string shown(const ReportNumber& n, int digits) {
  if (std::isnan(n.mean)) return "";
  std::string text = fmt::format("{:.{}f}", n.mean, digits);
  if (!std::isnan(n.deviation)) text += fmt::format(" ± {:.{}f}", n.deviation, digits);
  return text + std::string(to_string(n.mark));
}

std::string markdown(const ReportTable& t) {
  check_rows(t);
  const bool sections = has_sections(t), seeds = counts_seeds(t);
  std::string head = "|", rule = "|";
  const auto column = [&](const std::string& title, bool right) {
    head += " " + title + " |";
    rule += right ? " ---: |" : " --- |";
  };
  if (sections) column(t.section_name, false);
  column(t.label_name, false);
  if (seeds) column("seeds", true);
  for (const ReportColumn& c : t.columns)
    column(c.group.empty() ? c.title : fmt::format("{}, {}", c.title, c.group), true);
  std::string out = fmt::format("**{}**\n\n{}\n{}\n", t.title, head, rule);
  std::string last;
  for (const ReportRow& r : t.rows) {
    const bool paper = r.kind == RowKind::paper;
    out += "|";
    if (sections) out += fmt::format(" {} |", r.section == last ? "" : r.section);
    last = r.section;
    out += paper ? fmt::format(" *{}* |", r.label) : fmt::format(" {} |", r.label);
    if (seeds) out += fmt::format(" {} |", seeds_text(r));
    for (std::size_t i = 0; i < r.numbers.size(); ++i) {
      std::string text = shown(r.numbers[i], t.columns[i].digits);
      if (r.numbers[i].mark == BestMark::from_second) text.insert(text.size() - 1, "\\");
      if (r.numbers[i].best && !text.empty()) text = fmt::format("**{}**", text);
      out += fmt::format(" {} |", text);
    }
    out += '\n';
  }
  return out + "\n" + t.caption + "\n";
}

std::string csv(const ReportTable& t) {
  check_rows(t);
  std::string out =
      fmt::format("{},{},kind,seeds", has_sections(t) ? t.section_name : "section", t.label_name);
  for (const ReportColumn& c : t.columns) out += fmt::format(",{0},{0}_std,{0}_mark", c.id);
  out += '\n';
  for (const ReportRow& r : t.rows) {
    out += fmt::format("{},{},{},{}", field(r.section), field(r.label), to_string(r.kind),
                       seeds_text(r));
    for (const ReportNumber& n : r.numbers)
      out += fmt::format(",{},{},{}", full(n.mean), full(n.deviation), to_string(n.mark));
    out += '\n';
  }
  return out;
}

std::string latex(const ReportTable& t) {
  check_rows(t);
  const bool sections = has_sections(t), seeds = counts_seeds(t);
  const std::size_t before = 1 + (sections ? 1 : 0) + (seeds ? 1 : 0);
  std::string out = fmt::format(
      "% needs \\usepackage{{booktabs}}\n\\begin{{table*}}\n\\centering\n\\caption{{{}. "
      "{}}}\n\\label{{tab:{}}}\n\\begin{{tabular}}{{{}{}{}}}\n\\toprule\n",
      latex_text(t.title), latex_text(t.caption), t.id, sections ? "ll" : "l", seeds ? "r" : "",
      std::string(t.columns.size(), 'r'));
  if (grouped(t)) {
    out += std::string(before - 1, '&');
    for (const Run& r : runs(t))
      out += fmt::format(" & \\multicolumn{{{}}}{{c}}{{{}}}", r.columns, latex_text(r.group));
    out += " \\\\\n";
  }
  if (sections) out += latex_text(t.section_name) + " & ";
  out += latex_text(t.label_name);
  if (seeds) out += " & seeds";
  for (const ReportColumn& c : t.columns) out += " & " + latex_text(c.title);
  out += " \\\\\n";
  std::string last = "\n";
  for (const ReportRow& r : t.rows) {
    const bool fresh = r.section != last;
    if (fresh) out += "\\midrule\n";
    if (sections) out += (fresh ? latex_text(r.section) : "") + " & ";
    last = r.section;
    out += r.kind == RowKind::paper ? fmt::format("\\textit{{{}}}", latex_text(r.label))
                                    : latex_text(r.label);
    if (seeds) out += " & " + seeds_text(r);
    for (std::size_t i = 0; i < r.numbers.size(); ++i) {
      const std::string text = latex_text(shown(r.numbers[i], t.columns[i].digits));
      out += r.numbers[i].best && !text.empty() ? fmt::format(" & \\textbf{{{}}}", text)
                                                : " & " + text;
    }
    out += " \\\\\n";
  }
  return out + "\\bottomrule\n\\end{tabular}\n\\end{table*}\n";
}

std::string html_text(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

std::string html(const ReportTable& t) {
  check_rows(t);
  const bool sections = has_sections(t), seeds = counts_seeds(t), two = grouped(t);
  const char* span = two ? " rowspan=\"2\"" : "";
  std::string out = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\">\n<table "
      "id=\"{1}\">\n<caption>{0}</caption>\n<thead>\n<tr>",
      html_text(t.title), t.id);
  if (sections) out += fmt::format("<th scope=\"col\"{}>{}</th>", span, html_text(t.section_name));
  out += fmt::format("<th scope=\"col\" class=\"label\"{}>{}</th>", span, html_text(t.label_name));
  if (seeds) out += fmt::format("<th scope=\"col\" class=\"n\"{}>seeds</th>", span);
  if (two) {
    for (const Run& r : runs(t))
      out += fmt::format("<th scope=\"colgroup\" colspan=\"{}\" class=\"group\">{}</th>", r.columns,
                         html_text(r.group));
    out += "</tr>\n<tr>";
  }
  for (const ReportColumn& c : t.columns)
    out += fmt::format("<th scope=\"col\" class=\"n\">{}</th>", html_text(c.title));
  out += "</tr>\n</thead>\n<tbody>\n";
  std::string last;
  for (std::size_t k = 0; k < t.rows.size(); ++k) {
    const ReportRow& r = t.rows[k];
    const bool fresh = k == 0 || r.section != last;
    last = r.section;
    out += fmt::format("<tr class=\"{}{}\">", to_string(r.kind), fresh ? " first" : "");
    if (sections)
      out += fmt::format("<td class=\"section\">{}</td>", fresh ? html_text(r.section) : "");
    out += fmt::format("<th scope=\"row\" class=\"label\">{}</th>", html_text(r.label));
    if (seeds) out += fmt::format("<td class=\"n\">{}</td>", seeds_text(r));
    for (std::size_t i = 0; i < r.numbers.size(); ++i) {
      const ReportNumber& n = r.numbers[i];
      out +=
          fmt::format("<td class=\"n{}\" data-mean=\"{}\" data-std=\"{}\" data-mark=\"{}\">{}</td>",
                      n.best ? " best" : "", full(n.mean), full(n.deviation), to_string(n.mark),
                      shown(n, t.columns[i].digits));
    }
    out += "</tr>\n";
  }
  return out + fmt::format("</tbody>\n</table>\n</div>\n<p class=\"caption\">{}</p>\n",
                           html_text(t.caption));
}

}  // namespace gradus
