#include "exchange/device_news.hpp"

#include <charconv>
#include <map>
#include <optional>

#include "replica/replica.hpp"
#include "tern/protocol/wire.hpp"
#include "tern/sync/record.hpp"

namespace tern::client {
namespace {

constexpr std::string_view meta_devices = "devices_known";
constexpr std::uint8_t devices_form = 1;

struct KnownDevice {
  std::uint64_t epoch = 0;
  bool frozen = false;
};
using KnownDevices = std::map<RecordId, KnownDevice>;

Bytes encode_devices(const KnownDevices& devices) {
  protocol::ByteWriter writer;
  writer.u8(devices_form).u32(static_cast<std::uint32_t>(devices.size()));
  for (const auto& [id, device] : devices) writer.id(id).u64(device.epoch).u8(device.frozen ? 1 : 0);
  return writer.take();
}

Result<KnownDevices> decode_devices(ByteView bytes) {
  protocol::ByteReader reader(bytes);
  reader.version(devices_form);
  const std::uint32_t count = reader.u32("devices");
  KnownDevices devices;
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) {
    const auto id = reader.id<RecordId>("device");
    KnownDevice device;
    device.epoch = reader.u64("epoch");
    device.frozen = reader.u8("frozen") != 0;
    if (reader.ok()) devices.emplace(id, device);
  }
  if (!reader.finish())
    return fail(ErrorCode::corrupt, "the outbox's note about devices is damaged", hint_salvage, "outbox");
  return devices;
}

std::string device_attribute(const sync::Record& record, const std::string& name) {
  const auto found = record.attributes.find(name);
  return found == record.attributes.end() ? std::string() : found->second;
}

std::uint64_t device_epoch_of(const sync::Record& record) {
  const std::string text = device_attribute(record, "epoch");
  std::uint64_t epoch = 0;
  std::from_chars(text.data(), text.data() + text.size(), epoch);
  return epoch;
}

/// What happened to it since; empty: nothing to tell.
std::string device_sentence(const sync::Record& record, const KnownDevice& now, const KnownDevice* before) {
  const std::string name = "\"" + record.name + "\"";
  if (before == nullptr) {
    const bool active = device_attribute(record, "state") == "active";
    return active ? "A new device of yours was enrolled: " + name + " (" + device_attribute(record, "platform") +
                        "). If you did not ask for it, tell your administrator."
                  : std::string();
  }
  if (now.frozen && !before->frozen)
    return "Your device " + name + " exists twice and was frozen: it has to be enrolled anew.";
  if (now.epoch > before->epoch)
    return "Your device " + name +
           " exists twice: another copy of it has been writing too. If you did not copy it, tell your administrator.";
  return {};
}

}  // namespace

Result<DeviceNews> device_news(Outbox& outbox, Replica& replica) {
  TERN_TRY(const auto stored, outbox.meta(meta_devices));
  KnownDevices before;
  if (stored) {
    TERN_TRY(before, decode_devices(*stored));
  }
  KnownDevices now = before;
  DeviceNews news;
  const RecordId self = RecordId::or_zero(outbox.owner().device.view());
  bool complete = false;
  TERN_TRY(auto rows, replica.database().query("SELECT data FROM record WHERE kind = $1 ORDER BY version",
                                               sync::RecordKind::device));
  for (;;) {
    TERN_TRY(const bool more, rows.step());
    if (!more) break;
    const auto decoded = sync::decode_record(rows.blob(0));
    if (!decoded) continue;  // of a version that this one cannot read: it is told of by the next
    const sync::Record& record = *decoded;
    const KnownDevice device{device_epoch_of(record), device_attribute(record, "state") == "frozen"};
    const auto known = before.find(record.id);
    now[record.id] = device;
    complete = complete || record.id == self;
    if (!stored || record.id == self) continue;
    const std::string sentence = device_sentence(record, device, known == before.end() ? nullptr : &known->second);
    if (!sentence.empty()) news.notice += (news.notice.empty() ? "" : " ") + sentence;
  }
  if (!complete) return DeviceNews{};  // not fetched yet
  news.known = encode_devices(now);
  if (stored && news.known == *stored) news.known.clear();
  return news;
}

Result<void> remember_devices(Outbox& outbox, const DeviceNews& news) {
  return news.known.empty() ? Result<void>{} : outbox.set_meta(meta_devices, news.known);
}

}  // namespace tern::client
