// One zstd frame, bounded in window and output: the only compression of the wire.
#pragma once

#include "tern/protocol/bytes.hpp"
#include "tern/protocol/error.hpp"
#include "tern/protocol/limits.hpp"

namespace tern::protocol {

/// One frame with its content size and a window of at most 2^limits::zstd_window_log_max.
Bytes compress(ByteView plain, int level = 3);

/// Exactly one frame, window and output capped; memory follows what was really unpacked, not what the frame promises.
/// `too_large` (field "zstd") above `bytes_max` or the window, `malformed` for anything that is no whole frame or has
/// something behind it.
Result<Bytes> decompress(ByteView frame, std::size_t bytes_max = limits::decompressed_bytes_max);

/// Whether it begins like a frame.
bool is_compressed(ByteView bytes);

/// A frame that says how `plain` differs from `base`, and `plain` again for who holds the same base. For files, and for
/// an answer packed against its request; window and refusals as above.
Bytes compress_against(ByteView base, ByteView plain, int level = 1);
Result<Bytes> decompress_against(ByteView base, ByteView frame, std::size_t bytes_max = limits::decompressed_bytes_max);

}  // namespace tern::protocol
