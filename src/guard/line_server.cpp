// One line each way is all that drills and `weir status` need of a supervisor.
#include "guard/line_server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "world/system_failure.h"

namespace weir::guard {
namespace {

constexpr std::size_t kLineBytesMax = 64u << 10;
constexpr std::size_t kClientsMax = 64;

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return fail(Failure::bad_config, "cannot use the socket " + path + ": its path has more than " +
                                         std::to_string(sizeof address.sun_path - 1) + " bytes");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Descriptor new_socket(int flags) {
  return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
}

bool send_whole(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

}  // namespace

Result<> LineServer::listen(const std::string& path) {
  WEIR_TRY(const sockaddr_un address, address_of(path));
  listening_ = new_socket(SOCK_NONBLOCK);
  if (!listening_.open()) return system_failure(errno, "cannot make a socket");
  ::unlink(path.c_str());
  // Before bind, so that there is no instant at which others could connect.
  ::fchmod(listening_.number(), 0600);
  if (::bind(listening_.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
          0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(listening_.number(), 64) != 0)
    return system_failure(errno, "cannot listen at " + path);
  return {};
}

void LineServer::add_to(std::vector<pollfd>& watched) const {
  watched.push_back({listening_.number(), POLLIN, 0});
  for (const Client& client : clients_) watched.push_back({client.socket.number(), POLLIN, 0});
}

void LineServer::serve(const std::function<std::string(const std::string&)>& answer) {
  accept_all();
  std::vector<Client> waiting;
  for (Client& client : clients_) {
    const bool open = read_some(client);
    const std::size_t end = client.line.find('\n');
    if (end != std::string::npos) {
      send_whole(client.socket.number(), answer(client.line.substr(0, end)) + "\n");
    } else if (open) {
      waiting.push_back(std::move(client));
    }
  }
  clients_ = std::move(waiting);
  // Whoever connects and says nothing must not keep the others out.
  if (clients_.size() > kClientsMax)
    clients_.erase(clients_.begin(), clients_.end() - static_cast<std::ptrdiff_t>(kClientsMax));
}

void LineServer::accept_all() {
  while (true) {
    Descriptor socket(
        ::accept4(listening_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.open()) return;
    clients_.push_back({std::move(socket), {}});
  }
}

bool LineServer::read_some(Client& client) {
  std::array<char, 4096> block;
  while (client.line.size() <= kLineBytesMax) {
    const ssize_t got = ::recv(client.socket.number(), block.data(), block.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    client.line.append(block.data(), static_cast<std::size_t>(got));
  }
  return false;
}

Result<std::string> ask_line(const std::string& path, const std::string& line,
                             const std::function<int()>& milliseconds_left) {
  WEIR_TRY(const sockaddr_un address, address_of(path));
  const Descriptor socket = new_socket(0);
  if (!socket.open()) return system_failure(errno, "cannot make a socket");
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail(Failure::unreachable, "no supervisor answers at " + path, "weir up");
  if (!send_whole(socket.number(), line + "\n"))
    return fail(Failure::outcome_unknown, "the supervisor hung up on the question");
  std::string answer;
  std::array<char, 4096> block;
  while (answer.find('\n') == std::string::npos) {
    const int left = milliseconds_left();
    if (left <= 0) return fail(Failure::outcome_unknown, "the supervisor did not answer in time");
    pollfd readable{socket.number(), POLLIN, 0};
    if (::poll(&readable, 1, left) <= 0) continue;
    const ssize_t got = ::recv(socket.number(), block.data(), block.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Failure::outcome_unknown, "the supervisor ended without an answer");
    answer.append(block.data(), static_cast<std::size_t>(got));
  }
  return answer.substr(0, answer.find('\n'));
}

}  // namespace weir::guard
