// What each word means. A test compares every table with the code that speaks the words.
#include "cli/explain.h"

namespace weir::cli {
namespace {

const std::vector<Meaning>& failover_steps() {
  static const std::vector<Meaning> kSteps{
      {"AskOthers",
       "The leader is silent for this voter; before anything is written it asks the "
       "other voters whether they suspect it too."},
      {"OpenRound",
       "Enough voters suspect the leader: one compare-and-set puts a round into the "
       "record. Of two voters who try, one wins and the other joins."},
      {"CloseRound",
       "The round found no leader within its limit, or found that none is needed: "
       "the record loses it and the leader that it names reigns on."},
      {"GivePromise",
       "The voter stops its receiver, writes down that it acknowledges nothing of "
       "an older epoch, and only then answers with its position."},
      {"Take",
       "The chosen member writes itself into the record as leader of the new epoch, before "
       "it is promoted."},
      {"Promote",
       "The member that the record names begins to take writes, with a set loaded that "
       "withholds every acknowledgement until a replica has it."},
      {"Confirm",
       "A commit of the new leader's own was flushed by a listed member; the record "
       "forgets the previous sets."},
      {"Release",
       "The round is over without this member: its promise is given back and it follows "
       "as before."},
      {"Follow", "The replica is pointed at the leader that the record names."},
      {"Fence",
       "The server is stopped at once, because the record names another leader. Never "
       "journaled first: the disk may be what hangs."},
      {"LoadSet",
       "The leader's server loads another synchronous set, proven in its walsenders, not "
       "by a setting that reads so."},
      {"RecordSet", "The record learns the set that is loaded and proven."},
      {"Reclaim",
       "A new life of the leader's agent confirms the leadership by compare-and-set, "
       "before it acts on it."},
      {"Restart",
       "A leader whose server died is started in place; the record is touched first, "
       "which an open round refuses."},
      {"Rejoin",
       "A former leader exports what only it has, is rewound or copied anew, and "
       "follows."},
      {"Isolate",
       "A leader that for a whole lease had neither the store nor enough voters takes no writes "
       "and ends the sessions that wait, in doubt, so that clients go on to the next address; or "
       "it takes writes again, once the store says that it still leads."},
  };
  return kSteps;
}

const std::vector<Meaning>& provision_steps() {
  static const std::vector<Meaning> kSteps{
      {"Create", "The first data of a new service, made by the member that the record names."},
      {"RecordBirth", "The record learns the incarnation of that data."},
      {"Settle", "Settings, certificates and who is let in, as the fleet file has them."},
      {"StopForSettings",
       "The server stops for settings that need a restart; failover starts it "
       "again, in place or elsewhere."},
      {"Shape", "One difference of databases, roles or grants is mended."},
      {"StopToLeave", "A leader that the file no longer names stops, so that another takes over."},
      {"Leave", "A member that the file no longer names goes; its data is kept as a final copy."},
  };
  return kSteps;
}

const std::vector<Meaning>& verdicts() {
  static const std::vector<Meaning> kVerdicts{
      {"met", "The drill measured recovery within the objective, and lost no more than it allows."},
      {"breached", "The drill measured worse than the objective; exit code 3."},
      {"void",
       "The drill proves nothing, and says why: too few writes, or something was not right "
       "before the fault; exit code 1."},
  };
  return kVerdicts;
}

const std::vector<Meaning>& evidences() {
  static const std::vector<Meaning> kEvidences{
      {"measured-real", "An outside client measured it on real servers."},
      {"measured-emulated", "Measured, but where a part of the world was emulated."},
      {"estimated", "Computed, not measured."},
  };
  return kEvidences;
}

const std::vector<Meaning>& reaches() {
  static const std::vector<Meaning> kReaches{
      {"unknown",
       "Nobody has looked, or nobody could: never taken for healthy and never for zero."},
      {"serving", "The server answered a query."},
      {"starting", "The server answered that it is starting or recovering."},
      {"refused", "The connection was refused: nothing listens there."},
      {"silent", "No answer came by the deadline."},
      {"sick", "The server answers, but its write path does not move."},
  };
  return kReaches;
}

const std::vector<Meaning>& outcomes() {
  static const std::vector<Meaning> kOutcomes{
      {"open", "The intent is journaled; what came of it is not known yet."},
      {"done", "The step's effect holds."},
      {"refused", "The step was decided under something that has changed since; nothing was done."},
      {"failed", "The step did not succeed; its detail says why. The next decision looks anew."},
      {"unknown", "It may or may not have happened: weir looks again before it acts again."},
  };
  return kOutcomes;
}

const std::vector<Meaning>& record_fields() {
  static const std::vector<Meaning> kFields{
      {"format",
       "The form in which the record is written; a higher one is refused, with a "
       "sentence."},
      {"mode", "The durability in force: the record's, never the fleet file's."},
      {"epoch",
       "The number of the service's leadership, (reign, number), compared before anything "
       "else; it grows at every promotion."},
      {"leader", "The member that leads, with the incarnation of its data."},
      {"leader_host", "The host of that member."},
      {"leader_life", "The life of that host's agent; a renewal of another life does not count."},
      {"lineage", "The history of timelines, compared before any position is."},
      {"members",
       "Every member with the incarnation of its data; another incarnation counts "
       "nowhere."},
      {"set", "The voters of whom each commit waits for `number`."},
      {"previous",
       "Sets by which a commit may still have been acknowledged; a round runs over all "
       "of them."},
      {"last_round", "The number of the last round."},
      {"round", "An open attempt to change the leader, if there is one."},
      {"confirmed", "Whether the leader has a commit of its own flushed by a voter."},
  };
  return kFields;
}

const std::vector<Meaning>& words() {
  static const std::vector<Meaning> kWords{
      {"fleet", "All that one file declares."},
      {"service", "One store or queue, e.g. orders."},
      {"engine", "The kind of software that a service runs."},
      {"member", "One running server of a service."},
      {"host", "A machine."},
      {"agent",
       "The process that acts on its own host and sees all members of the services on it."},
      {"guard", "The parent of one server; it outlives the agent and knows the exit status."},
      {"supervisor", "Stands for systemd and hypervisor where `weir up` made the hosts."},
      {"store", "weir's own compare-and-set, watch and leases; a user's database is a service."},
      {"replica", "A member that follows the leader."},
      {"voter",
       "A member, with the incarnation of its data, whose acknowledgement or promise "
       "counts."},
      {"incarnation",
       "An id made anew by each initdb, rebuild and restore: a rebuilt voter is "
       "another voter."},
      {"promise", "A voter's durable word to acknowledge nothing of an older epoch."},
      {"position", "How far in the log; says nothing before epoch and lineage are compared."},
      {"sighting", "What one probe saw, and when."},
      {"step", "A typed action, decided purely, journaled before it is carried out."},
      {"claim", "Who may act on a service now; failover needs none and preempts any."},
      {"ledger", "The outside client that counts what was acknowledged and what is still there."},
      {"acknowledged", "The commit was answered, without a warning that its wait was cancelled."},
      {"in-doubt", "Neither acknowledged nor refused; counted apart."},
      {"fault", "What a drill injects."},
      {"failure", "An error value of weir's."},
      {"drill", "A fault, measured by the ledger, and verified as gone."},
      {"objective", "What the fleet file asks for: availability, RPO, RTO."},
      {"rpo", "How much acknowledged data was lost: commits, bytes, seconds."},
      {"rto", "From the fault to the first write acknowledged and read back on the new leader."},
      {"outage", "The longest gap between acknowledgements of any writer."},
      {"exposure",
       "Age of the oldest acknowledged commit that is not yet durable outside its "
       "failure domain."},
      {"required",
       "Durability: no acknowledged commit is lost while at most `sync` members lose "
       "their disk; a commit waits for as long as it takes."},
      {"preferred",
       "Durability: as required while enough replicas are confirmed; status says when "
       "they are not."},
      {"async", "Durability: a declared bound of loss, measured."},
  };
  return kWords;
}

}  // namespace

const std::vector<Glossary>& glossaries() {
  static const std::vector<Glossary> kGlossaries{
      {"failover-steps", "a step of failover", "what an agent does about who leads",
       failover_steps},
      {"provision-steps", "a step of provisioning", "how a service becomes what its file says",
       provision_steps},
      {"outcomes", "an outcome of a step", "what came of a step, as `weir events` shows it",
       outcomes},
      {"verdicts", "a verdict of a drill", "how a drill ends", verdicts},
      {"evidence", "a kind of evidence", "how a reported number was come by", evidences},
      {"reach", "what a probe found", "what a probe of a server finds", reaches},
      {"record", "a field of the record", "the one record per service on which leadership rests",
       record_fields},
      {"words", "a word of weir", "the words used alike in files, commands, metrics and logs",
       words},
  };
  return kGlossaries;
}

}  // namespace weir::cli
