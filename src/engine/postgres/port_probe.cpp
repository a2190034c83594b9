// Binds and lets go; on failure looks in /proc for the listener, so that the message can name it.
#include "engine/postgres/port_probe.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <vector>

namespace weir::engine::postgres {
namespace {

// The ways in which the kernel's tables write an address that covers `address`: itself, mapped, or
// every address. They print it in words of the machine's own byte order.
std::vector<std::string> covering(const addrinfo& address) {
  std::vector<std::string> out{"00000000", "00000000000000000000000000000000"};
  if (address.ai_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address.ai_addr, sizeof v4);
    const std::string word = fmt::format("{:08X}", v4.sin_addr.s_addr);
    out.push_back(word);
    out.push_back("0000000000000000FFFF0000" + word);
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address.ai_addr, sizeof v6);
    std::array<std::uint32_t, 4> words{};
    std::memcpy(words.data(), &v6.sin6_addr, sizeof words);
    out.push_back(fmt::format("{:08X}{:08X}{:08X}{:08X}", words[0], words[1], words[2], words[3]));
  }
  return out;
}

// Socket inodes that listen on `port` of one of `addresses`, from a table of the kernel.
void find_inodes(const char* table, const std::vector<std::string>& addresses, std::uint16_t port,
                 std::vector<std::string>& out) {
  constexpr const char* kListening = "0A";
  std::ifstream file(table);
  std::string line;
  while (std::getline(file, line)) {
    std::istringstream words(line);
    std::string number, local, remote, state, skip, inode;
    words >> number >> local >> remote >> state >> skip >> skip >> skip >> skip >> skip >> inode;
    const std::size_t colon = local.rfind(':');
    if (state != kListening || colon == std::string::npos) continue;
    if (std::ranges::find(addresses, local.substr(0, colon)) == addresses.end()) continue;
    if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port) out.push_back(inode);
  }
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> out;
  DIR* open = opendir(folder.c_str());
  if (open == nullptr) return out;
  while (const dirent* entry = readdir(open)) out.emplace_back(entry->d_name);
  closedir(open);
  return out;
}

bool holds(const std::string& pid, const std::vector<std::string>& inodes) {
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  for (const std::string& name : names_in(folder)) {
    std::array<char, 64> link{};
    const auto length =
        readlink(fmt::format("{}/{}", folder, name).c_str(), link.data(), link.size() - 1);
    if (length <= 0) continue;
    for (const std::string& inode : inodes) {
      if (fmt::format("socket:[{}]", inode) == link.data()) return true;
    }
  }
  return false;
}

// "nc (pid 123)", or "another process" where we may not look.
std::string listener(const std::vector<std::string>& addresses, std::uint16_t port) {
  std::vector<std::string> inodes;
  find_inodes("/proc/net/tcp", addresses, port, inodes);
  find_inodes("/proc/net/tcp6", addresses, port, inodes);
  for (const std::string& pid : names_in("/proc")) {
    if (pid.empty() || pid.find_first_not_of("0123456789") != std::string::npos) continue;
    if (!holds(pid, inodes)) continue;
    std::string name;
    std::ifstream comm(fmt::format("/proc/{}/comm", pid));
    std::getline(comm, name);
    return fmt::format("{} (pid {})", name, pid);
  }
  return "another process";
}

}  // namespace

Result<> probe_port(const std::string& address, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), fmt::format("{}", port).c_str(), &hints, &found) != 0) {
    return fail(Failure::bad_config, fmt::format("cannot listen on {}: no IP address", address));
  }
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int one = 1;
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  const bool free =
      fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, 1) == 0;
  const int why = errno;
  if (fd >= 0) close(fd);
  const std::vector<std::string> addresses = covering(*found);
  freeaddrinfo(found);
  if (free) return {};
  if (why == EADDRINUSE) {
    return fail(Failure::held,
                fmt::format("cannot listen on {}:{}: {} has the port", address, port,
                            listener(addresses, port)),
                fmt::format("ss -ltnp 'sport = :{}'", port));
  }
  const Failure failure = why == EADDRNOTAVAIL ? Failure::bad_config : Failure::io;
  return fail(failure,
              fmt::format("cannot listen on {}:{}: {}", address, port, std::strerror(why)));
}

}  // namespace weir::engine::postgres
