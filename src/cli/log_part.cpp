// Log files are read a piece at a time: they may be larger than memory.
#include "cli/log_part.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace weir::cli {
namespace {

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

tl::unexpected<Error> cannot_read(const std::string& path) {
  const Failure failure = errno == ENOENT   ? Failure::not_found
                          : errno == EACCES ? Failure::denied
                                            : Failure::io;
  return fail(failure, fmt::format("cannot read the log {}: {}", path, std::strerror(errno)));
}

// A name that came over the wire becomes part of a path.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name.find('/') == std::string::npos && name[0] != '.';
}

}  // namespace

Result<LogPart> read_log(const std::string& path, std::optional<std::int64_t> from) {
  const OpenFile file(path);
  struct stat facts {};
  if (file.fd() < 0 || fstat(file.fd(), &facts) != 0) return cannot_read(path);
  const std::int64_t size = facts.st_size;
  std::int64_t begin = from ? *from : std::max<std::int64_t>(0, size - kLogPartMax);
  if (begin > size || begin < 0) begin = 0;
  std::string text(static_cast<std::size_t>(std::min(size - begin, kLogPartMax)), '\0');
  const ssize_t got = pread(file.fd(), text.data(), text.size(), begin);
  if (got < 0) return cannot_read(path);
  text.resize(static_cast<std::size_t>(got));
  // What is being written right now, and what the beginning cut in two, is no line yet or any more.
  const std::size_t last = text.rfind('\n');
  const bool full = static_cast<std::int64_t>(text.size()) == kLogPartMax;
  if (last != std::string::npos) {
    text.resize(last + 1);
  } else if (!full) {
    text.clear();
  }
  const std::int64_t until = begin + static_cast<std::int64_t>(text.size());
  if (!from && begin > 0) text.erase(0, text.find('\n') + 1);
  return LogPart{std::move(text), until};
}

std::string server_log(const Place& place, const HostName& host, const std::string& member) {
  return place.host_folder(host) + "/members/" + member + "/log/server.log";
}

std::string agent_log(const Place& place, const HostName& host) {
  return place.logs() + "/agent-" + host.text + ".log";
}

Json to_json(const LogPart& part) {
  return Json::object().set("format", 1).set("text", part.text).set("until", part.until);
}

LogPart log_part_from(const Json& json) { return {json["text"].text(), json["until"].integer()}; }

Result<Json> answer_log(const Place& place, const HostName& host, const peer::Request& request) {
  if (request.from != "operator") {
    return fail(Failure::denied, "logs are told to the operator only");
  }
  const std::string member = request.body["service"].text() + "-" + request.body["member"].text();
  if (!is_plain_name(member)) return fail(Failure::bad_data, "no such member");
  std::optional<std::int64_t> from;
  if (request.body["from"].is_integer()) from = request.body["from"].integer();
  const std::string path = request.body["which"].text() == "agent"
                               ? agent_log(place, host)
                               : server_log(place, host, member);
  WEIR_TRY(const LogPart part, read_log(path, from));
  return to_json(part);
}

}  // namespace weir::cli
