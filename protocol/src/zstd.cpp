#include "tern/protocol/zstd.hpp"

#include <zstd.h>
#include <zstd_errors.h>
#include <algorithm>
#include <memory>

namespace tern::protocol {
namespace {

constexpr ByteView zstd_magic{"\x28\xb5\x2f\xfd", 4};
constexpr std::size_t step_bytes = 128 * limits::kib;

tl::unexpected<Error> over_limit() {
  return fail(ErrorCode::too_large, "a compressed body unpacks to more than it may", {}, "zstd");
}

tl::unexpected<Error> damaged() {
  return fail(ErrorCode::malformed, "a compressed body is no whole zstd frame", {}, "zstd");
}

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
struct ResetCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters); }
};
struct ResetDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters); }
};

/// Making a context costs more than a small frame does, and a device packs and unpacks one with almost every row: each
/// thread keeps one of either kind. Whichever way a frame ends, its parameters and the pointer to its base are
/// forgotten.
std::unique_ptr<ZSTD_CCtx, ResetCompressor> compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> kept(ZSTD_createCCtx());
  check(kept != nullptr, "no memory to compress");
  return std::unique_ptr<ZSTD_CCtx, ResetCompressor>(kept.get());
}

std::unique_ptr<ZSTD_DCtx, ResetDecompressor> decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> kept(ZSTD_createDCtx());
  check(kept != nullptr, "no memory to decompress");
  return std::unique_ptr<ZSTD_DCtx, ResetDecompressor>(kept.get());
}

/// Unpacks step by step, so that a frame gets no memory for what it only promises; `promised` bytes of it at once, if
/// that is less than a step.
Result<Bytes> unpack(ZSTD_DCtx* context, ByteView frame, std::size_t promised, std::size_t bytes_max) {
  Bytes out;
  ZSTD_inBuffer input{frame.data(), frame.size(), 0};
  while (true) {
    const std::size_t before = out.size();
    const std::size_t room = before == 0 ? std::clamp<std::size_t>(promised, 1, step_bytes) : step_bytes;
    // One byte more than allowed is room enough to see that there is more.
    out.resize(std::min(before + room, bytes_max + 1));
    ZSTD_outBuffer output{out.data(), out.size(), before};
    const std::size_t input_before = input.pos;
    const std::size_t rc = ZSTD_decompressStream(context, &output, &input);
    out.resize(output.pos);
    if (ZSTD_isError(rc)) {
      const bool wide = ZSTD_getErrorCode(rc) == ZSTD_error_frameParameter_windowTooLarge;
      return wide ? over_limit() : damaged();
    }
    if (out.size() > bytes_max) return over_limit();
    if (rc == 0) break;
    if (output.pos == before && input.pos == input_before) return damaged();
  }
  if (input.pos != input.size) return damaged();
  return out;
}

Bytes pack(ByteView base, ByteView plain, int level) {
  const auto context = compressor();
  const bool set = !ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level)) &&
                   !ZSTD_isError(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, limits::zstd_window_log_max));
  check(set, "zstd parameters");
  if (!base.empty()) check(!ZSTD_isError(ZSTD_CCtx_refPrefix(context.get(), base.data(), base.size())), "zstd");
  Bytes out(ZSTD_compressBound(plain.size()), '\0');
  const std::size_t size = ZSTD_compress2(context.get(), out.data(), out.size(), plain.data(), plain.size());
  check(!ZSTD_isError(size), "zstd");
  out.resize(size);
  return out;
}

Result<Bytes> decompress_frame(ByteView base, ByteView frame, std::size_t bytes_max) {
  // A skippable frame is a frame too, but not one of ours.
  if (!frame.starts_with(zstd_magic)) return damaged();
  const unsigned long long promised = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (promised == ZSTD_CONTENTSIZE_ERROR) return damaged();
  if (promised != ZSTD_CONTENTSIZE_UNKNOWN && promised > bytes_max) return over_limit();
  const auto context = decompressor();
  check(!ZSTD_isError(ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, limits::zstd_window_log_max)), "zstd");
  if (!base.empty()) check(!ZSTD_isError(ZSTD_DCtx_refPrefix(context.get(), base.data(), base.size())), "zstd");
  const bool tells = promised != ZSTD_CONTENTSIZE_UNKNOWN;
  return unpack(context.get(), frame, tells ? static_cast<std::size_t>(promised) : step_bytes, bytes_max);
}

}  // namespace

Bytes compress(ByteView plain, int level) {
  return pack({}, plain, level);
}

Result<Bytes> decompress(ByteView frame, std::size_t bytes_max) {
  return decompress_frame({}, frame, bytes_max);
}

bool is_compressed(ByteView bytes) {
  return bytes.starts_with(zstd_magic);
}

Bytes compress_against(ByteView base, ByteView plain, int level) {
  return pack(base, plain, level);
}

Result<Bytes> decompress_against(ByteView base, ByteView frame, std::size_t bytes_max) {
  return decompress_frame(base, frame, bytes_max);
}

}  // namespace tern::protocol
