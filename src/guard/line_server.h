// A unix socket on which each connection asks one line and is answered one line.
#pragma once

#include <poll.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "world/descriptor.h"

namespace weir::guard {

class LineServer {
 public:
  // Listens at `path`, mode 0600, in place of a socket that a dead process left there.
  Result<> listen(const std::string& path);
  // What to poll for, appended.
  void add_to(std::vector<pollfd>& watched) const;
  // Accepts and reads what is there, without waiting; answers each whole line.
  void serve(const std::function<std::string(const std::string&)>& answer);

 private:
  struct Client {
    Descriptor socket;
    std::string line;
  };
  void accept_all();
  static bool read_some(Client& client);  // false: the connection is of no more use

  Descriptor listening_;
  std::vector<Client> clients_;
};

// The client's side: sends `line` to the socket at `path`, returns the line that comes back.
// unreachable: nobody listens; outcome_unknown: sent, but not answered by `milliseconds_left()`
// reaching 0.
Result<std::string> ask_line(const std::string& path, const std::string& line,
                             const std::function<int()>& milliseconds_left);

}  // namespace weir::guard
