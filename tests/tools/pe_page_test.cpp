// gradus pe plot: the page asks for nothing from outside, its numbers are the library's, and every
// control moves its plots. The script runs in node, or else in Chromium, where there is one.
#include <nlohmann/json.hpp>

#include "tests/tools/command.h"

using namespace gradus;

namespace {

const std::string& page_path() {
  static const std::string path = [] {
    const std::string p = scratch() / "page.html";
    const CommandResult r = gradus_command("pe plot --html " + p);
    REQUIRE_MESSAGE(r.code == 0, r.out);
    return p;
  }();
  return path;
}

bool there_is(const std::string& program) {
  return std::system(("command -v " + program + " > /dev/null 2>&1").c_str()) == 0;
}

std::string output_of(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe);
  std::string out;
  char part[4096];
  while (const std::size_t n = std::fread(part, 1, sizeof part, pipe)) out.append(part, n);
  pclose(pipe);
  return out;
}

std::string chromium(const std::string& page) {
  return output_of("chromium --headless --no-sandbox --disable-gpu --user-data-dir='" +
                   (scratch() / "chromium") + "' --virtual-time-budget=4000 --dump-dom 'file://" +
                   page + "' 2> /dev/null");
}

/// The text of <script id=...>.
std::string script(const std::string& page, const std::string& id) {
  const std::size_t begin = page.find('>', page.find("<script id=\"" + id + "\""));
  REQUIRE(begin != std::string::npos);
  return page.substr(begin + 1, page.find("</script>", begin) - begin - 1);
}

}  // namespace

TEST_CASE("the page is one file: no address, no include left") {
  const std::string page = read_file(page_path());
  for (const char* outside : {"http://", "https://", "src=", "<link", "@import", "fetch("})
    CHECK_MESSAGE(page.find(outside) == std::string::npos, outside);
  CHECK(page.find("content=\"default-src 'none';") != std::string::npos);
  CHECK(page.find("<!-- include") == std::string::npos);
  CHECK(page.find("<!-- data") == std::string::npos);
  CHECK(page.find("prefers-color-scheme: dark") != std::string::npos);
}

TEST_CASE("the page's numbers are the library's") {
  const std::string page = read_file(page_path());
  const auto data = nlohmann::json::parse(script(page, "data"));
  CHECK(data["checks"].size() == 21);
  if (there_is("node")) {
    // The last check is made wrong, and must be seen.
    const std::string file = scratch().file(
        "check.js", script(page, "model") + "\nconst data = " + script(page, "data") +
                        ";\nlet r = Model.check(data.checks);\n"
                        "console.log(r.wrong.length, r.numbers, r.worst < 1e-10);\n"
                        "data.checks[20].a *= 1 + 1e-6;\nr = Model.check(data.checks);\n"
                        "console.log(r.wrong.join());\n");
    const std::string out = output_of("node '" + file + "' 2>&1");
    CHECK_MESSAGE(out.starts_with("0 "), out);
    CHECK_MESSAGE(out.ends_with(" true\nsinusoidal\n"), out);
  } else if (there_is("chromium")) {
    CHECK(chromium(page_path()).find("all agree with this page") != std::string::npos);
  } else {
    MESSAGE("neither node nor chromium: the page's script was not run");
  }
}

TEST_CASE("every control moves the plots, and picking changes the cards") {
  if (!there_is("chromium")) {
    MESSAGE("no chromium: the page was not driven");
    return;
  }
  std::string page = read_file(page_path());
  const std::string driver = R"(<script>
window.onerror = (m) => { document.title = "error: " + m; };
const look = () => [...document.querySelectorAll("#cards .card")].map((c) => c.innerHTML +
  [...c.querySelectorAll("canvas")].map((v) => v.toDataURL()).join()).join();
const still = [];
for (const box of document.querySelectorAll("#pick input")) {
  const before = look(); box.click(); if (look() === before) still.push(box.id);
  if (!box.checked) box.click();
}
for (const input of document.querySelectorAll("#sliders input")) {
  const before = look(); input.stepUp(); input.dispatchEvent(new Event("input"));
  if (look() === before) still.push(input.id);
}
if (!document.title.startsWith("error"))
  document.title = "cards " + document.querySelectorAll(".card").length + " still " + still.join();
</script></body>)";
  const std::size_t end = page.rfind("</body>");
  REQUIRE(end != std::string::npos);
  page.replace(end, 7, driver);
  const std::string dom = chromium(scratch().file("driven.html", page));
  const std::size_t title = dom.find("<title>");
  REQUIRE_MESSAGE(title != std::string::npos, "chromium wrote nothing");
  CHECK(dom.substr(title + 7, dom.find("</title>") - title - 7) == "cards 7 still ");
}

TEST_CASE("wrong words are one clear message and exit code 2") {
  check_refused("pe plot", {"needs a page to write"});
  check_refused("pe plot --html /nowhere/at/all.html", {"/nowhere/at/all.html"});
  check_refused("pe plot --htlm x", {"did you mean '--html'?"});
  check_refused("pe plot rope --html x.html", {"one word too many"});
}
