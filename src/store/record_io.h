// Leadership records, claims, desired services and the list of the revoked, read from and written
// to the store by compare-and-set.
#pragma once

#include <optional>
#include <vector>

#include "access/access.h"
#include "base/result.h"
#include "base/time.h"
#include "model/claim.h"
#include "model/fleet.h"
#include "model/record.h"
#include "store/keys.h"
#include "store/store.h"

namespace weir::store {

struct Held {
  Record record;
  Revision revision = 0;
  bool operator==(const Held&) const = default;
};
struct HeldService {
  Service service;
  Revision revision = 0;
  bool operator==(const HeldService&) const = default;
};

struct HeldClaim {
  Claim claim;
  Revision revision = 0;
  bool operator==(const HeldClaim&) const = default;
};

// nullopt: there is none. bad_data names the key when what stands there cannot be read.
Result<std::optional<Held>> read_record(Store& store, const Keys& keys, const ServiceName& service,
                                        Deadline deadline);
Result<std::optional<HeldService>> read_desired(Store& store, const Keys& keys,
                                                const ServiceName& service, Deadline deadline);
Result<std::optional<HeldClaim>> read_claim(Store& store, const Keys& keys,
                                            const ServiceName& service, Deadline deadline);
Result<std::vector<HeldService>> list_desired(Store& store, const Keys& keys, Deadline deadline);

// Compare-and-set at `expected` (0: must be absent); the new revision. When the store's answer was
// lost they look once: ours stands there at a newer revision: success; something else does:
// conflict (ours may have stood in between); nothing has changed yet: outcome_unknown, since the
// write may still be on its way.
Result<Revision> write_record(Store& store, const Keys& keys, const ServiceName& service,
                              const Record& record, Revision expected, Deadline deadline);
Result<Revision> write_desired(Store& store, const Keys& keys, const Service& service,
                               Revision expected, Deadline deadline);
Result<Revision> write_claim(Store& store, const Keys& keys, const ServiceName& service,
                             const Claim& claim, Revision expected, Deadline deadline);
// Success also where it is gone already or somebody else's stands there: it is not ours any more.
Result<> drop_claim(Store& store, const Keys& keys, const ServiceName& service, Revision expected,
                    Deadline deadline);

// The fleet's CRL as it stands there (PEM), unjudged: anybody who may write the store could have
// put it there. Absent while nothing was revoked: revision 0 and no text. What cannot be read has
// no text either, so that a good one can take its place.
struct HeldCrl {
  std::string pem;
  Revision revision = 0;
};
Result<HeldCrl> read_crl(Store& store, const Keys& keys, Deadline deadline);
// The text of the value of that key; bad_data for another one.
Result<std::string> crl_in(const Json& value);
Result<Revision> write_crl(Store& store, const Keys& keys, const access::Crl& crl,
                           Revision expected, Deadline deadline);

// The key of a host's renewal; success without effect where it is there. Only apply, join and the
// rebuilding of a store may call it (safety.md S1).
Result<> create_renewal(Store& store, const Keys& keys, const HostName& host, Deadline deadline);

}  // namespace weir::store
