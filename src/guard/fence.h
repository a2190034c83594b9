/* The guard's last means: SIGKILL of every process of its server. */
#ifndef WEIR_GUARD_FENCE_H
#define WEIR_GUARD_FENCE_H

#include <stdint.h>
#include <sys/types.h>

/* CLOCK_BOOTTIME in ns. */
int64_t boot_time(void);

/* Field 22 of /proc/PID/stat; 0 if there is no such process. */
int64_t start_time_of(pid_t pid);

/* SIGKILL to `root`, to all that descend from it and to whatever has `folder` as its working
 * directory; never to the caller, who may be the root itself. Returns how many were found: children
 * of a server leave its process group and may be forking, so it is called until there are none. */
int kill_processes_of(pid_t root, const char* folder);

#endif
