#include "tensor/safetensors_header.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "tensor/byte_count.h"

namespace gradus::detail {

std::string shown(const std::string& name) {
  std::string out = name.substr(0, 100);
  for (char& c : out)
    if (c >= 0 && (c < ' ' || c == 127)) c = '?';
  return name.size() > 100 ? out + "..." : out;
}

namespace {

// Note [Why a reader of our own sits on the JSON parser]
// A JSON library keeps one of two equal keys and says nothing, and builds whatever depth of lists a
// file has. So the events are read one by one: equal keys and depth beyond what the format has are
// refused where they occur.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(std::string file) : file_(std::move(file)) {}

  std::vector<SafetensorsEntry> entries;
  std::map<std::string, std::string> metadata;

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("true or false"); }
  bool number_integer(number_integer_t) override { return refuse("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return refuse("a number that is no whole number from 0 to 2^63 - 1");
  }
  bool binary(binary_t&) override { return refuse("binary data"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ != Place::list) return refuse("a number");
    if (value > static_cast<std::uint64_t>(std::numeric_limits<int64>::max()))
      return refuse("a number above 2^63 - 1");
    if (numbers_.size() == std::max<std::size_t>(kMaxRank, 2))
      wrong(fmt::format("{} has more than {} numbers", where(), numbers_.size()));
    numbers_.push_back(static_cast<int64>(value));
    return true;
  }
  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      metadata[field_] = std::move(value);
      return true;
    }
    if (place_ != Place::tensor || field_ != "dtype") return refuse("text");
    dtype_ = value;
    return true;
  }
  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::start:
        place_ = Place::top;
        return true;
      case Place::top:
        place_ = name_ == kSafetensorsMetadata ? Place::metadata : Place::tensor;
        fields_.clear();
        dtype_.clear(), shape_.clear(), offsets_.clear();
        return true;
      default:
        return refuse("an object");
    }
  }
  bool key(string_t& value) override {
    auto& seen = place_ == Place::top ? names_ : fields_;
    if (!seen.insert(value).second)
      wrong(place_ == Place::top
                ? fmt::format("tensor '{}' occurs twice", shown(value))
                : fmt::format("'{}' of '{}' occurs twice", shown(value), shown(name_)));
    if (place_ == Place::tensor && value != "dtype" && value != "shape" && value != "data_offsets")
      wrong(fmt::format("tensor '{}' has the key '{}'; allowed are dtype, shape, data_offsets",
                        shown(name_), shown(value)));
    (place_ == Place::top ? name_ : field_) = value;
    return true;
  }
  bool end_object() override {
    if (place_ == Place::tensor) finish();
    place_ = place_ == Place::top ? Place::end : Place::top;
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ != Place::tensor || field_ == "dtype") return refuse("a list");
    place_ = Place::list;
    numbers_.clear();
    return true;
  }
  bool end_array() override {
    (field_ == "shape" ? shape_ : offsets_) = numbers_;
    place_ = Place::tensor;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& e) override {
    // The library's text begins with "[json.exception...] parse error at line ..: ".
    std::string reason = e.what();
    if (const auto colon = reason.find(": "); colon != std::string::npos)
      reason = reason.substr(colon + 2);
    wrong(fmt::format("is no valid JSON at byte {}: {}", position, shown(reason)));
  }

 private:
  enum class Place { start, top, metadata, tensor, list, end };

  [[noreturn]] void wrong(const std::string& what) const {
    fail<IoError>("'{}': the safetensors header: {}", file_, what);
  }
  std::string where() const {
    switch (place_) {
      case Place::start:
        return "the whole";
      case Place::top:
        return fmt::format("tensor '{}'", shown(name_));
      default:
        return fmt::format("'{}' of '{}'", shown(field_), shown(name_));
    }
  }
  bool refuse(std::string_view got) const {
    std::string_view wanted;
    if (place_ == Place::start || place_ == Place::top)
      wanted = "an object";
    else if (place_ == Place::list)
      wanted = "whole numbers from 0 on";
    else
      wanted = place_ == Place::metadata || field_ == "dtype" ? "text" : "a list of numbers";
    wrong(fmt::format("{} is {}; allowed is {}", where(), got, wanted));
  }
  void finish() {
    for (const char* field : {"dtype", "shape", "data_offsets"})
      if (!fields_.count(field))
        wrong(fmt::format("tensor '{}' lacks the key '{}'", shown(name_), field));
    SafetensorsEntry e;
    e.name = name_;
    const std::pair<std::string_view, DType> known[] = {{"F32", DType::f32},
                                                        {"F64", DType::f64},
                                                        {"I64", DType::i64},
                                                        {"U8", DType::u8},
                                                        {"BOOL", DType::u8}};
    const auto* found = std::find_if(std::begin(known), std::end(known),
                                     [&](const auto& k) { return k.first == dtype_; });
    if (found == std::end(known))
      wrong(fmt::format("tensor '{}' has dtype '{}'; allowed are F32, F64, I64, U8, BOOL",
                        shown(name_), shown(dtype_)));
    e.dtype = found->second;
    e.is_bool = dtype_ == "BOOL";
    e.shape = Shape(std::span<const int64>(shape_));
    if (offsets_.size() != 2)
      wrong(fmt::format("data_offsets of '{}' has {} numbers; it must have begin and end",
                        shown(name_), offsets_.size()));
    e.begin = static_cast<std::uint64_t>(offsets_[0]);
    e.end = static_cast<std::uint64_t>(offsets_[1]);
    entries.push_back(std::move(e));
  }

  std::string file_, name_, field_, dtype_;
  Place place_ = Place::start;
  std::set<std::string> names_, fields_;
  std::vector<int64> numbers_, shape_, offsets_;
};

/// Every tensor has the bytes its shape needs, and together they cover the data, each byte once.
void check_layout(std::vector<SafetensorsEntry>& entries, std::uint64_t data_bytes,
                  const std::string& file) {
  for (const SafetensorsEntry& e : entries) {
    const std::string name_shown = shown(e.name);
    check<IoError>(e.begin <= e.end,
                   "'{}': tensor '{}' begins at byte {} and ends at {}, before it", file,
                   name_shown, e.begin, e.end);
    check<IoError>(e.end <= data_bytes,
                   "'{}': tensor '{}' takes bytes {} to {}, but the file has {} bytes of data",
                   file, name_shown, e.begin, e.end, data_bytes);
    const std::optional<std::uint64_t> need = byte_count({e.shape.begin(), e.shape.end()}, e.dtype);
    check<IoError>(need.has_value(),
                   "'{}': tensor '{}': shape {} of {} has more bytes than can be counted", file,
                   name_shown, text(e.shape), name(e.dtype));
    check<IoError>(
        *need == e.end - e.begin,
        "'{}': tensor '{}': shape {} of {} needs {} bytes, data_offsets {} to {} give {}", file,
        name_shown, text(e.shape), name(e.dtype), *need, e.begin, e.end, e.end - e.begin);
  }
  std::sort(entries.begin(), entries.end(),
            [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
              return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
            });
  const SafetensorsEntry* last = nullptr;
  std::uint64_t reached = 0;
  for (const SafetensorsEntry& e : entries) {
    check<IoError>(e.begin >= reached,
                   "'{}': tensor '{}' begins at byte {}, within '{}' ({} to {})", file,
                   shown(e.name), e.begin, last ? shown(last->name) : "", last ? last->begin : 0,
                   last ? last->end : 0);
    check<IoError>(e.begin == reached,
                   "'{}': bytes {} to {}, before tensor '{}', belong to no tensor", file, reached,
                   e.begin, shown(e.name));
    reached = e.end;
    last = &e;
  }
  check<IoError>(reached == data_bytes, "'{}': the last {} of {} bytes of data belong to no tensor",
                 file, data_bytes - reached, data_bytes);
}

}  // namespace

SafetensorsHeader read_safetensors_header(std::string_view json, std::uint64_t data_bytes,
                                          const std::string& file) {
  check<IoError>(!json.empty() && json[0] == '{',
                 "'{}': the safetensors header does not begin with '{{'", file);
  HeaderReader reader(file);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  check_layout(reader.entries, data_bytes, file);
  return {std::move(reader.entries), std::move(reader.metadata)};
}

std::string safetensors_header_text(const SafetensorsHeader& header, const std::string& file) {
  constexpr std::string_view dtypes[] = {"F32", "F64", "I64", "U8"};
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  if (!header.metadata.empty()) json[std::string(kSafetensorsMetadata)] = header.metadata;
  for (const SafetensorsEntry& e : header.entries)
    json[e.name] = {{"dtype", dtypes[static_cast<int>(e.dtype)]},
                    {"shape", std::vector<int64>(e.shape.begin(), e.shape.end())},
                    {"data_offsets", {e.begin, e.end}}};
  try {
    return json.dump();
  } catch (const nlohmann::json::exception&) {
    fail<IoError>("cannot write '{}': a name or a metadata text is no valid UTF-8", file);
  }
}

}  // namespace gradus::detail
