#ifndef KVMCHECK_INTRINSICS_H
#define KVMCHECK_INTRINSICS_H

/// Asks the processor to fetch the cache line of `address` for reading. Never faults, may be ignored.
static inline void kvmcheck_prefetch(const void *_Nonnull address) { __builtin_prefetch(address, 0, 3); }

#endif
