#include "tensor/npy.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tensor/byte_count.h"
#include "tensor/file.h"

// numpy.org/doc/stable/reference/generated/numpy.lib.format.html: "\x93NUMPY", two bytes of
// version, the header's length (2 bytes in version 1, 4 after), a Python dictionary as text, the
// elements.
namespace gradus {
namespace {

constexpr std::string_view kMagic{"\x93NUMPY", 6};
// No real header is near this; numpy itself warns above 10000.
constexpr std::size_t kLongestHeader = 65535;

struct Header {
  std::string descr;
  bool fortran = false;
  std::vector<int64> shape;
};

/// Reads the dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } and nothing
/// else.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  Header parse() {
    Header h;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      bool* seen = nullptr;
      if (key == "descr")
        h.descr = quoted(), seen = &has_descr;
      else if (key == "fortran_order")
        h.fortran = boolean(), seen = &has_order;
      else if (key == "shape")
        h.shape = tuple(), seen = &has_shape;
      else
        wrong(fmt::format("has the key '{}'; allowed are descr, fortran_order, shape", key));
      if (*seen) wrong(fmt::format("has the key '{}' twice", key));
      *seen = true;
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    blanks();
    if (at_ != text_.size()) wrong(fmt::format("goes on after its end at byte {}", at_));
    if (!has_descr) wrong("lacks the key 'descr'");
    if (!has_order) wrong("lacks the key 'fortran_order'");
    if (!has_shape) wrong("lacks the key 'shape'");
    return h;
  }

 private:
  [[noreturn]] void wrong(const std::string& what) const {
    fail<IoError>("'{}': the .npy header {}", file_, what);
  }
  void blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    blanks();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) wrong(fmt::format("needs '{}' at byte {}", c, at_));
  }
  std::string quoted() {
    blanks();
    const std::size_t start = at_ + 1;
    if (at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"')) {
      const std::size_t stop = text_.find(text_[at_], start);
      if (stop != std::string_view::npos) {
        at_ = stop + 1;
        return printable(text_.substr(start, stop - start));
      }
    }
    wrong(fmt::format(
        "needs a quoted word at byte {} (arrays of records and other dtypes are not read)", at_));
  }
  static std::string printable(std::string_view word) {
    std::string out(word.substr(0, 40));
    for (char& c : out)
      if (c < ' ' || c > '~') c = '?';
    return out;
  }
  bool boolean() {
    blanks();
    for (const std::string_view word : {"True", "False"})
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return word == "True";
      }
    wrong(fmt::format("needs True or False at byte {}", at_));
  }
  std::vector<int64> tuple() {
    std::vector<int64> sizes;
    expect('(');
    while (!accept(')')) {
      blanks();
      int64 size = 0;
      const char* end = text_.data() + text_.size();
      const auto [stop, error] = std::from_chars(text_.data() + at_, end, size);
      if (error != std::errc() || size < 0)
        wrong(fmt::format("needs a size from 0 to 2^63 - 1 at byte {}", at_));
      at_ = static_cast<std::size_t>(stop - text_.data());
      sizes.push_back(size);
      if (sizes.size() > kMaxRank)
        wrong(fmt::format("has more than {} axes, which is all a tensor can have", kMaxRank));
      if (!accept(',')) {
        if (sizes.size() == 1) wrong("writes a shape of one axis without its comma, as in (3,)");
        expect(')');
        break;
      }
    }
    return sizes;
  }

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
};

DType dtype_of_descr(const std::string& descr, const std::string& file) {
  if (descr == "<f4") return DType::f32;
  if (descr == "<f8") return DType::f64;
  if (descr == "<i8") return DType::i64;
  if (descr == "|u1" || descr == "|b1" || descr == "<u1" || descr == "<b1") return DType::u8;
  fail<IoError>(
      "'{}': the dtype is '{}'; allowed are '<f4', '<f8', '<i8', '|u1' and '|b1' (little endian); "
      "convert with array.astype('<f4')",
      file, descr);
}

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

Tensor read_npy(const std::filesystem::path& path) {
  const InputFile input(path);
  const std::string file = path.string();
  char front[12] = {};
  const std::string_view all(front, input.read_some(0, front, sizeof front));
  check<IoError>(all.substr(0, 6) == kMagic,
                 "'{}' is no .npy file: it does not begin with \\x93NUMPY", file);
  check<IoError>(all.size() == sizeof front, "'{}' ends after {} bytes, within the .npy header",
                 file, all.size());
  const int major = static_cast<unsigned char>(all[6]), minor = static_cast<unsigned char>(all[7]);
  check<IoError>(major >= 1 && major <= 3 && minor == 0,
                 "'{}': .npy version {}.{}; allowed are 1.0, 2.0 and 3.0", file, major, minor);
  const std::size_t start = major == 1 ? 10 : 12;
  const std::size_t length = little_endian(all.substr(8, start - 8));
  check<IoError>(length <= kLongestHeader,
                 "'{}': the .npy header has {} bytes; at most {} are read", file, length,
                 kLongestHeader);
  check<IoError>(length <= input.size() - start,
                 "'{}': the .npy header has {} bytes, but only {} follow", file, length,
                 input.size() - start);
  std::string header(length, '\0');
  input.read(start, header.data(), length);
  const Header h = HeaderParser(header, file).parse();
  const DType dtype = dtype_of_descr(h.descr, file);
  const Shape shape{std::span<const int64>(h.shape)};
  const std::uint64_t data = input.size() - start - length;
  const std::optional<std::uint64_t> wanted = detail::byte_count(h.shape, dtype);
  check<IoError>(wanted.has_value(), "'{}': shape {} of {} has more bytes than can be counted",
                 file, text(shape), name(dtype));
  check<IoError>(*wanted == data, "'{}': shape {} of {} needs {} bytes, the file has {}", file,
                 text(shape), name(dtype), *wanted, data);
  // Fortran order is the transpose of C order with the sizes in reverse.
  Shape stored = shape;
  if (h.fortran) std::reverse(stored.begin(), stored.end());
  Tensor t = Tensor::empty(stored, dtype);
  if (data > 0) input.read(start + length, t.writable_bytes(), static_cast<std::size_t>(data));
  if (h.descr.substr(1) == "b1") {
    const std::span<const std::uint8_t> v = t.values<std::uint8_t>();
    for (std::size_t i = 0; i < v.size(); ++i)
      check<IoError>(v[i] <= 1, "'{}': the dtype is bool, but element {} is {}", file, i,
                     static_cast<int>(v[i]));
  }
  if (!h.fortran || shape.rank() < 2) return t;
  std::vector<int64> axes;
  for (int64 a = shape.rank(); a-- > 0;) axes.push_back(a);
  return contiguous(permute(t, std::span<const int64>(axes)));
}

void write_npy(const std::filesystem::path& path, const Tensor& t) {
  check<IoError>(t.defined(), "cannot write '{}': there is no tensor", path.string());
  static constexpr std::string_view descr[] = {"<f4", "<f8", "<i8", "|u1"};
  std::string sizes;
  for (int64 s : t.shape()) sizes += fmt::format("{}{}", sizes.empty() ? "" : ", ", s);
  if (t.rank() == 1) sizes += ',';
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}",
                                   descr[static_cast<int>(t.dtype())], sizes);
  // The elements begin at a multiple of 64 bytes.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  const auto length = static_cast<unsigned>(header.size());
  const char version[] = {1, 0, static_cast<char>(length & 255), static_cast<char>(length >> 8)};
  const Tensor c = contiguous(t);
  AtomicFile file(path);
  file.write(kMagic);
  file.write(version, sizeof version);
  file.write(header);
  file.write(c.raw(), c.bytes());
  file.commit();
}

}  // namespace gradus
