// A headless Chromium for tests of pages, spoken to over its pipe (the DevTools protocol: JSON
// texts that end in a zero byte): real keys, any width, either theme. What goes wrong in a page is
// noted from before its first script on. Tests skip, and say so, where there is no Chromium.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "tests/tools/command.h"

namespace gradus {

inline bool there_is(const std::string& program) {
  return std::system(("command -v " + program + " > /dev/null 2>&1").c_str()) == 0;
}
inline bool chromium_is_there() {
  const bool there = there_is("chromium");
  if (!there) MESSAGE("skipped: no chromium, so that the page was not driven");
  return there;
}

class Browser {
 public:
  using Json = nlohmann::json;

  Browser() {
    int to[2], from[2];
    REQUIRE(::pipe(to) == 0);
    REQUIRE(::pipe(from) == 0);
    const std::string profile = "--user-data-dir=" + (scratch() / "chromium");
    child_ = ::fork();
    REQUIRE(child_ >= 0);
    if (child_ == 0) {
      // It reads from 3 and writes to 4; first both go where neither is in the way.
      const int in = ::fcntl(to[0], F_DUPFD, 10), out = ::fcntl(from[1], F_DUPFD, 10);
      for (int fd : {to[0], to[1], from[0], from[1]}) ::close(fd);
      ::dup2(in, 3), ::dup2(out, 4);
      const int nowhere = ::open("/dev/null", O_RDWR);
      for (int fd : {0, 1, 2}) ::dup2(nowhere, fd);
      for (int fd : {in, out, nowhere})
        if (fd > 4) ::close(fd);
      ::execlp("chromium", "chromium", "--headless", "--no-sandbox", "--disable-gpu",
               "--hide-scrollbars", "--remote-debugging-pipe", profile.c_str(), "about:blank",
               nullptr);
      ::_exit(127);
    }
    ::close(to[0]), ::close(from[1]);
    to_ = to[1], from_ = from[0];
    const Json target = call("Target.createTarget", {{"url", "about:blank"}});
    session_ = call("Target.attachToTarget", {{"targetId", target["targetId"]}, {"flatten", true}})
                   .at("sessionId");
    for (const char* domain : {"Page", "Runtime", "Log", "Network"})
      call(std::string(domain) + ".enable");
    call("Page.addScriptToEvaluateOnNewDocument", {{"source", R"js(window.noted = [];
            addEventListener("error", (e) => noted.push("error: " + e.message));
            addEventListener("unhandledrejection", (e) => noted.push("rejection: " + e.reason));
            for (const level of ["error", "warn"]) {
              const said = console[level];
              console[level] = (...all) => { noted.push(level + ": " + all.join(" ")); said(...all); };
            })js"}});
  }
  ~Browser() {
    ::close(to_), ::close(from_);
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    int status = 0;
    ::waitpid(child_, &status, 0);
  }
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  void open(const std::string& path, int width, const std::string& theme = "light") {
    call("Emulation.setDeviceMetricsOverride",
         {{"width", width}, {"height", 900}, {"deviceScaleFactor", 1}, {"mobile", false}});
    call("Emulation.setEmulatedMedia",
         {{"features", {{{"name", "prefers-color-scheme"}, {"value", theme}}}}});
    loaded_ = false;
    call("Page.navigate", {{"url", "file://" + path}});
    while (!loaded_) take(read());
  }
  /// The value of an expression.
  Json value(const std::string& expression) {
    const Json r =
        call("Runtime.evaluate",
             {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
    REQUIRE_MESSAGE(!r.contains("exceptionDetails"), r.dump());
    return r["result"].value("value", Json());
  }
  /// A key that is pressed and let go: "Tab", "ArrowRight", " ".
  void press(const std::string& key) {
    const int code = key == "Tab"          ? 9
                     : key == " "          ? 32
                     : key == "ArrowLeft"  ? 37
                     : key == "ArrowRight" ? 39
                     : key == "Home"       ? 36
                     : key == "End"        ? 35
                                           : 0;
    REQUIRE(code != 0);
    Json event{{"type", key == " " ? "keyDown" : "rawKeyDown"},
               {"key", key},
               {"code", key == " " ? "Space" : key},
               {"windowsVirtualKeyCode", code}};
    if (key == " ") event["text"] = " ";
    call("Input.dispatchKeyEvent", event);
    event["type"] = "keyUp";
    event.erase("text");
    call("Input.dispatchKeyEvent", event);
  }
  /// PNG of the whole page.
  std::string picture() {
    return call("Page.captureScreenshot", {{"format", "png"}, {"captureBeyondViewport", true}})
        .at("data");
  }
  /// Errors and warnings of this page, by its own handlers and by the browser's.
  std::vector<std::string> errors() {
    std::vector<std::string> all = value("window.noted");
    all.insert(all.end(), errors_.begin(), errors_.end());
    return all;
  }
  /// Addresses asked for, of anything but files and what a page holds itself.
  const std::vector<std::string>& requests() const { return requests_; }

 private:
  Json call(const std::string& method, Json parameters = Json::object()) {
    Json message{{"id", ++last_}, {"method", method}, {"params", std::move(parameters)}};
    if (!session_.empty()) message["sessionId"] = session_;
    const std::string text = message.dump() + '\0';
    for (std::size_t sent = 0; sent < text.size();) {
      const ssize_t n = ::write(to_, text.data() + sent, text.size() - sent);
      REQUIRE_MESSAGE(n > 0, "chromium takes no more words");
      sent += static_cast<std::size_t>(n);
    }
    for (;;) {
      const Json reply = read();
      if (reply.value("id", 0) != last_) {
        take(reply);
        continue;
      }
      REQUIRE_MESSAGE(!reply.contains("error"), method << ": " << reply.dump());
      return reply["result"];
    }
  }
  Json read() {
    for (;;) {
      const std::size_t end = buffer_.find('\0');
      if (end != std::string::npos) {
        Json message = Json::parse(buffer_.substr(0, end));
        buffer_.erase(0, end + 1);
        return message;
      }
      pollfd ready{from_, POLLIN, 0};
      REQUIRE_MESSAGE(::poll(&ready, 1, 120000) == 1, "chromium says nothing for two minutes");
      char part[65536];
      const ssize_t n = ::read(from_, part, sizeof part);
      REQUIRE_MESSAGE(n > 0, "chromium ended");
      buffer_.append(part, static_cast<std::size_t>(n));
    }
  }
  void take(const Json& event) {
    const std::string method = event.value("method", "");
    if (method == "Page.loadEventFired") loaded_ = true;
    if (method == "Runtime.exceptionThrown" || method == "Log.entryAdded")
      errors_.push_back(event["params"].dump());
    if (method == "Network.requestWillBeSent") {
      const std::string address = event["params"]["request"]["url"];
      if (!address.starts_with("file:") && !address.starts_with("data:"))
        requests_.push_back(address);
    }
  }

  pid_t child_ = -1;
  int to_ = -1, from_ = -1, last_ = 0;
  bool loaded_ = false;
  std::string session_, buffer_;
  std::vector<std::string> errors_, requests_;
};

}  // namespace gradus
