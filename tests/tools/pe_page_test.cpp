// gradus pe plot: the page asks for nothing from outside, its numbers are the library's, every
// control moves its own plots and no others, by keys too, at both widths and in both themes.
#include <set>
#include <sstream>

#include "tensor/text.h"
#include "tests/tools/browser.h"

using namespace gradus;
using nlohmann::json;

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

Browser& browser() {
  static Browser b;
  return b;
}

/// The text of <script id=...>.
std::string script(const std::string& id) {
  const std::string page = read_file(page_path());
  const std::size_t begin = page.find('>', page.find("<script id=\"" + id + "\""));
  REQUIRE(begin != std::string::npos);
  return page.substr(begin + 1, page.find("</script>", begin) - begin - 1);
}

/// By node, or else in Chromium; null where there is neither.
json value_of(const std::string& expression) {
  if (!there_is("node")) {
    if (!chromium_is_there()) return nullptr;
    browser().open(page_path(), 1280);
    return browser().value(
        "(() => { const data = JSON.parse(document.getElementById('data').textContent);"
        "return JSON.parse(" +
        expression + "); })()");
  }
  const std::string file =
      scratch().file("value.js", script("model") + "\nconst data = " + script("data") +
                                     ";\nconsole.log(" + expression + ");\n");
  std::FILE* pipe = popen(("node '" + file + "' 2>&1").c_str(), "r");
  REQUIRE(pipe);
  std::string out;
  char part[4096];
  while (const std::size_t n = std::fread(part, 1, sizeof part, pipe)) out.append(part, n);
  pclose(pipe);
  REQUIRE_MESSAGE(json::accept(out), out);
  return json::parse(out);
}

/// With the functions of pe_page_driver.js.
Browser& opened(int width, const std::string& theme = "light",
                const std::string& page = page_path()) {
  Browser& b = browser();
  b.open(page, width, theme);
  b.value(read_file(std::string(GRADUS_SOURCE_DIR) + "/tests/tools/pe_page_driver.js"));
  return b;
}

void check_nothing_wrong() {
  const std::vector<std::string> wrong = browser().errors();
  CHECK_MESSAGE(wrong.empty(), join(wrong, "\n"));
  CHECK_MESSAGE(browser().requests().empty(), join(browser().requests(), "\n"));
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

TEST_CASE("every encoding of the table is on the page, or left out with the reason") {
  const json data = json::parse(script("data"));
  std::set<std::string> shown, checked, table;
  for (const auto& [page, about] : data["encodings"].items()) shown.insert(about["encoding"]);
  for (const json& l : data["left_out"]) {
    CHECK(l["why"].get<std::string>().size() > 20);
    CHECK_MESSAGE(shown.insert(l["name"]).second, l.dump());
  }
  std::istringstream lines(gradus_command("pe --markdown").out);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("| ") && !line.starts_with("| name") && !line.starts_with("| ---"))
      table.insert(line.substr(2, line.find(' ', 2) - 2));
  CHECK(shown == table);
  for (const json& c : data["checks"]) checked.insert(c["name"]);
  CHECK(checked.size() == data["encodings"].size());
  const json names = value_of("JSON.stringify(Object.keys(Encodings))");
  if (names.is_null()) return;
  const auto listed = names.get<std::set<std::string>>();
  CHECK(listed.size() >= 35);
  CHECK(listed == checked);
}

TEST_CASE("the page's numbers are the library's, and any that is not is seen") {
  const json r = value_of(R"js(JSON.stringify((() => {
    const good = Model.check(data.checks), unseen = [], kinds = {};
    for (const c of data.checks)
      for (const key of ["a", "features_q", "features_k", "curve", "m", "mean", "attention"]) {
        if (c[key] === undefined) continue;
        kinds[key] = (kinds[key] || 0) + 1;
        const bad = structuredClone(c);
        if (key === "a") bad.a += 1e-6 * (1 + Math.abs(bad.a));
        else bad[key][bad[key].length - 1] += 1e-6 * (1 + Math.abs(bad[key].at(-1)));
        if (Model.check([bad]).wrong.join() !== c.name) unseen.push(c.name + " " + key);
      }
    const nothing = structuredClone(data.checks[0]);
    nothing.a = null;
    return { wrong: good.wrong, numbers: good.numbers, worst: good.worst, unseen, kinds,
             null_is_wrong: Model.check([nothing]).wrong.length };
  })()))js");
  if (r.is_null()) return;
  CHECK_MESSAGE(r["wrong"].empty(), r["wrong"].dump());
  CHECK(r["numbers"] > 9000);
  CHECK(r["worst"] < 1e-12);
  CHECK_MESSAGE(r["unseen"].empty(), r["unseen"].dump());
  CHECK(r["null_is_wrong"] == 1);
  for (const char* kind : {"a", "features_q", "curve", "m", "attention"})
    CHECK_MESSAGE(r["kinds"][kind] > 80, kind);
  CHECK(r["kinds"]["mean"] == 9);
}

TEST_CASE("at both widths and in both themes nothing goes wrong and nothing sticks out") {
  if (!chromium_is_there()) return;
  double background[2];
  for (int theme = 0; theme < 2; ++theme)
    for (int width : {1280, 390}) {
      CAPTURE(width);
      CAPTURE(theme);
      Browser& b = opened(width, theme == 0 ? "light" : "dark");
      CHECK(b.value("document.getElementById('check').textContent")
                .get<std::string>()
                .find("all agree with this page") != std::string::npos);
      CHECK(b.value("document.querySelectorAll('.card').length") == 3);
      b.value("Driver.pick_all()");
      CHECK(b.value("document.querySelectorAll('.card').length") ==
            b.value("Object.keys(Encodings).length"));
      CHECK(b.value("document.documentElement.scrollWidth") == width);
      CHECK(b.value("Driver.sticking_out()") == "");
      CHECK(b.value("Driver.least_contrast()") >= 4.5);  // WCAG, level AA
      // The sliders stay in view beside the last of the cards.
      b.value("scrollTo(0, document.documentElement.scrollHeight / 2)");
      CHECK(b.value("Driver.sliders_in_view()") == true);
      background[theme] =
          b.value("Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])");
      check_nothing_wrong();
    }
  CHECK(background[0] > 200);
  CHECK(background[1] < 50);
}

TEST_CASE("every control moves its own plots, and no others") {
  if (!chromium_is_there()) return;
  Browser& b = opened(1280);
  const json moved = b.value("Driver.moved()");
  CHECK_MESSAGE(moved["wrong"].empty(), moved["wrong"].dump(1));
  CHECK(moved["sliders"] == moved["rules"]);
  CHECK(moved["own"] >= 15);
  check_nothing_wrong();
}

TEST_CASE("keys reach every control in order, are seen, and move it") {
  if (!chromium_is_there()) return;
  Browser& b = opened(1280);
  b.value("document.getElementById('pick-alibi').click()");  // a card with a slider of its own
  const std::vector<std::string> order = b.value("Driver.controls()");
  CHECK(order.size() >= 45);
  for (const std::string& id : order) {
    CAPTURE(id);
    b.press("Tab");
    const json at = b.value("Driver.focus()");
    REQUIRE(at["id"] == id);
    CHECK(at["outline"] >= 2);
    CHECK(at["in_view"] == true);
    if (at["type"] == "range") {
      const double value = at["value"], step = at["step"];
      const json plots = b.value("Driver.look()");
      b.press("ArrowRight");
      const json moved = b.value("Driver.focus()");
      CHECK(moved["id"] == id);  // the slider stays while its card changes
      CHECK(moved["value"] == doctest::Approx(value + step));
      CHECK(moved["shown"] == doctest::Approx(value + step));
      CHECK(b.value("Driver.look()") != plots);
      b.press("ArrowLeft");
      CHECK(b.value("Driver.focus()") == at);
      CHECK(b.value("Driver.look()") == plots);
    } else if (at["type"] == "checkbox") {
      b.press(" ");
      CHECK(b.value("Driver.focus()")["card"] != at["card"]);
      b.press(" ");
    }
  }
  check_nothing_wrong();
}

TEST_CASE("planted faults of a page are seen") {
  if (!chromium_is_there()) return;
  const auto with = [](const std::string& from, const std::string& to) {
    std::string page = read_file(page_path());
    const std::size_t at = page.find(from);
    REQUIRE_MESSAGE(at != std::string::npos, from);
    return scratch().file("planted.html", page.replace(at, from.size(), to));
  };
  const auto seen = [](Browser& b, const std::string& what) {
    return b.value("Driver.moved().wrong").dump().find(what) != std::string::npos;
  };
  // A slider that only some plots hear, and a slider of one card that another card hears.
  CHECK(seen(opened(1280, "light",
                    with("at(\"kernel\").innerHTML =",
                         "if (name !== \"xpos\" || !at(\"kernel\").innerHTML) "
                         "at(\"kernel\").innerHTML =")),
             "f leaves kernel of xpos"));
  CHECK(seen(opened(1280, "light",
                    with("own[name][o.id] = v; update(name, state());",
                         "own[name][o.id] = v; own.kerple_log = own[name]; draw();")),
             "kerple_power-r2 moves kernel of kerple_log"));
  // A score that should be relative and is not.
  CHECK(seen(opened(1280, "light",
                    with("raw((lag, s) => -s.slope * Math.abs(lag))",
                         "raw((lag, s, q, pm) => -s.slope * Math.abs(lag) * pm)")),
             "label moves kernel of alibi"));
  // A number that is not the library's.
  opened(1280, "light", with("x.length + 0.4) / 1.4", "x.length + 0.4) / 1.41"));
  CHECK(browser().value("document.getElementById('check').textContent") ==
        "The page disagrees with the library: xpos");
  CHECK(browser().value("document.getElementById('check').className") == "bad");
  // An error before the first plot, one behind a promise, one said to the console.
  for (const char* fault :
       {"missing.thing;", "Promise.reject(new Error('late'));", "console.error('no');"}) {
    opened(1280, "light", with("const kTokens = 24", std::string(fault) + " const kTokens = 24"));
    CHECK_MESSAGE(!browser().errors().empty(), fault);
  }
  // Cards that are too wide for a phone, a focus that is not shown, pale text.
  CHECK(opened(390, "light", with("minmax(min(100%, 296px), 1fr)", "minmax(500px, 1fr)"))
            .value("Driver.sticking_out()") != "");
  opened(1280, "light", with("outline: 2px solid", "outline: 0px solid"));
  browser().press("Tab");
  CHECK(browser().value("Driver.focus().outline") == 0);
  CHECK(opened(1280, "light", with("--soft: #625e56", "--soft: #a09a90"))
            .value("Driver.least_contrast()") < 4.5);
}

TEST_CASE("wrong words are one clear message and exit code 2") {
  check_refused("pe plot", {"needs a page to write"});
  check_refused("pe plot --html /nowhere/at/all.html", {"/nowhere/at/all.html"});
  check_refused("pe plot --htlm x", {"did you mean '--html'?"});
  check_refused("pe plot rope --html x.html", {"one word too many"});
}
