// Three-way merge by line: two diffs against the base, put together where they touch different lines.
#include <algorithm>
#include <unordered_map>
#include <vector>

#include "tern/protocol/limits.hpp"
#include "tern/sync/fold.hpp"

namespace tern::sync {
namespace {

using Line = std::uint32_t;  // equal lines have equal numbers
using Lines = std::vector<Line>;

/// Numbers lines by their content. A text of n newlines has n + 1 lines, so joining gives the text back.
class LineTable {
public:
  Lines split(std::string_view text) {
    Lines lines;
    for (;;) {
      const std::size_t end = text.find('\n');
      lines.push_back(number(text.substr(0, end)));
      if (end == std::string_view::npos) return lines;
      text.remove_prefix(end + 1);
    }
  }

  [[nodiscard]] std::string join(const Lines& lines) const {
    std::string text;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      if (i > 0) text += '\n';
      text += texts_[lines[i]];
    }
    return text;
  }

private:
  Line number(std::string_view line) {
    const auto [found, fresh] = numbers_.emplace(line, static_cast<Line>(texts_.size()));
    if (fresh) texts_.push_back(line);
    return found->second;
  }

  std::unordered_map<std::string_view, Line> numbers_;
  std::vector<std::string_view> texts_;
};

/// Lines [base_begin, base_end) of the base became lines [begin, end) of the other text.
struct Hunk {
  std::size_t base_begin, base_end, begin, end;
};
using Hunks = std::vector<Hunk>;

/// Adds a changed line (or a gap of lines) to the hunks; neighbours grow together.
void add_hunk(Hunks& hunks, const Hunk& hunk) {
  if (!hunks.empty() && hunks.back().base_end == hunk.base_begin && hunks.back().end == hunk.begin) {
    hunks.back().base_end = hunk.base_end;
    hunks.back().end = hunk.end;
  } else {
    hunks.push_back(hunk);
  }
}

/// Longest common subsequence by table, after what is equal at both ends was set aside.
class Diff {
public:
  Diff(const Lines& base, const Lines& other) : base_(base), other_(other) {
    const std::size_t shorter = std::min(base.size(), other.size());
    while (head_ < shorter && base[head_] == other[head_]) ++head_;
    while (tail_ < shorter - head_ && base[base.size() - 1 - tail_] == other[other.size() - 1 - tail_]) ++tail_;
    rows_ = base.size() - head_ - tail_;
    columns_ = other.size() - head_ - tail_;
  }

  [[nodiscard]] std::size_t cells() const { return (rows_ + 1) * (columns_ + 1); }

  Hunks hunks() {
    Hunks found;
    if (rows_ == 0 && columns_ == 0) return found;
    if (rows_ == 0 || columns_ == 0) return {{head_, head_ + rows_, head_, head_ + columns_}};
    fill();
    std::size_t row = 0, column = 0;
    while (row < rows_ || column < columns_) {
      if (row < rows_ && column < columns_ && same(row, column)) {
        ++row, ++column;
      } else if (column == columns_ || (row < rows_ && length(row + 1, column) >= length(row, column + 1))) {
        add_hunk(found, {head_ + row, head_ + row + 1, head_ + column, head_ + column});
        ++row;
      } else {
        add_hunk(found, {head_ + row, head_ + row, head_ + column, head_ + column + 1});
        ++column;
      }
    }
    return found;
  }

private:
  [[nodiscard]] bool same(std::size_t row, std::size_t column) const {
    return base_[head_ + row] == other_[head_ + column];
  }
  std::uint32_t& length(std::size_t row, std::size_t column) { return table_[row * (columns_ + 1) + column]; }

  /// length(r, c): longest common subsequence of what follows row r and column c.
  void fill() {
    table_.assign(cells(), 0);
    for (std::size_t row = rows_; row-- > 0;)
      for (std::size_t column = columns_; column-- > 0;)
        length(row, column) = same(row, column) ? length(row + 1, column + 1) + 1
                                                : std::max(length(row + 1, column), length(row, column + 1));
  }

  const Lines& base_;
  const Lines& other_;
  std::size_t head_ = 0, tail_ = 0, rows_ = 0, columns_ = 0;
  std::vector<std::uint32_t> table_;
};

bool overlap(const Hunk& a, const Hunk& b) {
  const bool inserts = a.base_begin == a.base_end || b.base_begin == b.base_end;
  if (inserts) return a.base_begin <= b.base_end && b.base_begin <= a.base_end;  // who comes first would be a guess
  return a.base_begin < b.base_end && b.base_begin < a.base_end;
}

bool same_change(const Hunk& a, const Lines& ours, const Hunk& b, const Lines& theirs) {
  return a.base_begin == b.base_begin && a.base_end == b.base_end &&
         std::equal(ours.begin() + static_cast<std::ptrdiff_t>(a.begin),
                    ours.begin() + static_cast<std::ptrdiff_t>(a.end),
                    theirs.begin() + static_cast<std::ptrdiff_t>(b.begin),
                    theirs.begin() + static_cast<std::ptrdiff_t>(b.end));
}

/// Copies the base up to a hunk, then the hunk's lines.
class Merger {
public:
  explicit Merger(const Lines& base) : base_(base) {}
  void take(const Hunk& hunk, const Lines& text) {
    copy(base_, at_, hunk.base_begin);
    copy(text, hunk.begin, hunk.end);
    at_ = hunk.base_end;
  }
  Lines finish() {
    copy(base_, at_, base_.size());
    return std::move(merged_);
  }

private:
  void copy(const Lines& from, std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) merged_.push_back(from[i]);
  }
  const Lines& base_;
  Lines merged_;
  std::size_t at_ = 0;
};

std::optional<Lines> merge(const Lines& base, const Lines& ours, const Hunks& our_hunks, const Lines& theirs,
                           const Hunks& their_hunks) {
  Merger merger(base);
  auto our = our_hunks.begin();
  auto their = their_hunks.begin();
  while (our != our_hunks.end() || their != their_hunks.end()) {
    if (their == their_hunks.end()) {
      merger.take(*our++, ours);
    } else if (our == our_hunks.end()) {
      merger.take(*their++, theirs);
    } else if (same_change(*our, ours, *their, theirs)) {
      merger.take(*our++, ours);
      ++their;
    } else if (overlap(*our, *their)) {
      return std::nullopt;
    } else if (our->base_begin < their->base_begin) {
      merger.take(*our++, ours);
    } else {
      merger.take(*their++, theirs);
    }
  }
  return merger.finish();
}

}  // namespace

std::optional<std::string> merge_lines(std::string_view base, std::string_view ours, std::string_view theirs,
                                       std::size_t cells_max, std::size_t* cells_used) {
  if (ours == theirs || base == theirs) return std::string(ours);
  if (base == ours) return std::string(theirs);
  LineTable table;
  const Lines base_lines = table.split(base);
  const Lines our_lines = table.split(ours);
  const Lines their_lines = table.split(theirs);
  Diff our_diff(base_lines, our_lines);
  Diff their_diff(base_lines, their_lines);
  const std::size_t cells = our_diff.cells() + their_diff.cells();
  if (cells > cells_max) return std::nullopt;
  if (cells_used != nullptr) *cells_used += cells;
  const auto merged = merge(base_lines, our_lines, our_diff.hunks(), their_lines, their_diff.hunks());
  if (!merged) return std::nullopt;
  std::string text = table.join(*merged);
  if (text.size() > limits::text_bytes_max) return std::nullopt;
  return text;
}

}  // namespace tern::sync
